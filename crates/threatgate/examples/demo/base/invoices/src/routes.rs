use axum::extract::Path;
use axum::routing::{get, post};
use axum::{Json, Router, middleware};

use crate::auth::require_token;

pub fn routes() -> Router {
    Router::new()
        .route("/invoices", get(list))
        .route("/invoices/{id}", get(show))
        .route("/invoices/{id}/send", post(send))
        .route_layer(middleware::from_fn(require_token))
}

async fn list() -> Json<Vec<u64>> {
    Json(vec![1, 2, 3])
}

async fn show(Path(id): Path<u64>) -> Json<u64> {
    Json(id)
}

async fn send(Path(id): Path<u64>) -> Json<u64> {
    Json(id)
}
