//! Who stands between.

use super::super::{HttpSetupError, ProxyRule};
use super::*;

/// Asks for `url` under a rule and an environment.
async fn ask(rule: ProxyRule, environment: &[(&str, String)], url: &str) -> Result<String, HttpError> {
    let options = HttpOptions {
        proxy: rule,
        ..HttpOptions::default()
    };
    let http = Http::with_environment(&options, |name| {
        let found = environment.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone())
    })
    .unwrap();
    let endpoint = http.endpoint(&RedactedUrl::new(url), LIMITS).unwrap();
    let answer = endpoint.get("x").send().await?;
    Ok(String::from_utf8(answer.body).unwrap())
}

#[tokio::test]
async fn the_environments_proxy_stands_before_others_and_never_before_this_machine() {
    let (proxy, local) = (
        Server::start(|_| ok("by proxy")).await,
        Server::start(|_| ok("directly")).await,
    );
    let bare = proxy.url.strip_prefix("http://").unwrap().to_owned();
    for (name, value) in [
        ("HTTP_PROXY", proxy.url.clone()),
        ("http_proxy", bare),
        ("ALL_PROXY", proxy.url.clone()),
    ] {
        let environment = [(name, value)];
        let far = ask(ProxyRule::Environment, &environment, "http://far.example").await;
        assert_eq!(far.unwrap(), "by proxy", "{name}");
        let near = ask(ProxyRule::Environment, &environment, &local.url).await;
        assert_eq!(near.unwrap(), "directly", "{name}");
        // a name of this machine that would be resolved by the proxy
        let named = local.url.replace("127.0.0.1", "localhost");
        assert_eq!(
            ask(ProxyRule::Environment, &environment, &named).await.unwrap(),
            "directly"
        );
    }
    let asked = proxy.heard();
    assert!(
        asked[0].starts_with("GET http://far.example/x HTTP/1.1"),
        "{}",
        asked[0]
    );
    assert_eq!(asked.len(), 3);
}

#[tokio::test]
async fn no_proxy_is_honoured_by_every_rule() {
    let proxy = Server::start(|_| ok("by proxy")).await;
    for rule in [
        ProxyRule::Environment,
        ProxyRule::Url(RedactedUrl::new(&proxy.url)),
    ] {
        let environment = [
            ("HTTP_PROXY", proxy.url.clone()),
            ("no_proxy", "inside.invalid, 10.0.0.0/8".to_owned()),
        ];
        let inside = ask(rule.clone(), &environment, "http://host.inside.invalid").await;
        assert!(matches!(inside, Err(HttpError::Unresolved(_))), "{inside:?}");
        let outside = ask(rule, &environment, "http://outside.invalid").await;
        assert_eq!(outside.unwrap(), "by proxy");
    }
}

#[tokio::test]
async fn a_configured_rule_replaces_the_environments() {
    let (configured, environments) = (
        Server::start(|_| ok("configured")).await,
        Server::start(|_| ok("environment's")).await,
    );
    let environment = [("HTTP_PROXY", environments.url.clone())];
    let rule = ProxyRule::Url(RedactedUrl::new(&configured.url));
    let far = ask(rule, &environment, "http://far.invalid").await;
    assert_eq!(far.unwrap(), "configured");
    let far = ask(ProxyRule::None, &environment, "http://far.invalid").await;
    assert!(matches!(far, Err(HttpError::Unresolved(_))), "{far:?}");
    // in a CGI program HTTP_PROXY is a header of the request
    let cgi = [environment[0].clone(), ("REQUEST_METHOD", "GET".to_owned())];
    let far = ask(ProxyRule::Environment, &cgi, "http://far.invalid").await;
    assert!(matches!(far, Err(HttpError::Unresolved(_))), "{far:?}");
}

#[tokio::test]
async fn a_proxy_that_is_none_is_named_and_its_password_is_not() {
    let secret = RedactedUrl::new("socks5://me:hunter2@proxy:1080");
    let options = HttpOptions {
        proxy: ProxyRule::Url(secret.clone()),
        ..HttpOptions::default()
    };
    let error = Http::with_environment(&options, |_| None).unwrap_err();
    assert!(matches!(error, HttpSetupError::Proxy(_)));
    let text = error.to_string();
    assert!(text.contains("http.proxy") && text.contains("socks5"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    // one in the environment matters where it would be used, and nowhere else
    let local = Server::start(|_| ok("directly")).await;
    let environment = [("ALL_PROXY", secret.expose().to_owned())];
    let near = ask(ProxyRule::Environment, &environment, &local.url).await;
    assert_eq!(near.unwrap(), "directly");
    let far = ask(ProxyRule::Environment, &environment, "http://far.invalid").await;
    let text = far.unwrap_err().to_string();
    assert!(text.contains("ALL_PROXY") && !text.contains("hunter2"), "{text}");
}
