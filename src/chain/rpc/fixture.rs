//! A node for tests of what is made of its answers.

use axum::Json;
use serde_json::{Value, json};

use crate::types::RedactedUrl;

/// A node that says this to a call, as `result` or `error`; where that is `null`, it never answers.
pub(crate) async fn node_that(says: impl Fn(&Value) -> Value + Clone + Send + Sync + 'static) -> RedactedUrl {
    let answer = move |Json(call): Json<Value>| async move {
        let mut said = says(&call);
        if said.is_null() {
            std::future::pending::<()>().await;
        }
        said["jsonrpc"] = json!("2.0");
        said["id"] = call["id"].clone();
        Json(said)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    RedactedUrl::new(url)
}
