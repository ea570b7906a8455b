mod auth;
mod routes;
mod tokens;

#[tokio::main]
async fn main() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8081").await.expect("a port");
    axum::serve(listener, routes::routes()).await.expect("a server");
}
