//! The routes of the service; all need a token.

use axum::{
    Json, Router,
    extract::Path,
    middleware,
    routing::{get, post},
};

use crate::auth::require_token;

async fn show(Path(id): Path<u64>) -> Json<u64> {
    Json(id)
}

async fn send(Path(id): Path<u64>) -> Json<u64> {
    Json(id)
}

async fn list() -> Json<Vec<u64>> {
    Json(vec![1, 2, 3])
}

pub fn routes() -> Router {
    Router::new()
        .route("/invoices/{id}/send", post(send))
        .route("/invoices/{id}", get(show))
        .route("/invoices", get(list))
        .route_layer(middleware::from_fn(require_token))
}
