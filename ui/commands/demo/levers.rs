//! The director of the demo, for whoever sits at a front end.

use std::sync::Arc;

use casimir_dkg::devnet::demo::{Director, LEVERS};

#[cfg(feature = "tui")]
use crate::console;
use crate::output::usage;
use crate::plain::Beside;

/// The levers, a line each.
pub(super) fn lines() -> Vec<String> {
    LEVERS
        .iter()
        .map(|row| usage(row.word, row.arguments, row.does))
        .collect()
}

/// Pulls one, and says what it did and what to watch.
async fn pull(director: &Director, line: &str) -> String {
    match director.pull(line).await {
        Ok(pulled) => format!("{}. Watch: {}", pulled.did, pulled.watch),
        Err(error) => error.to_string(),
    }
}

/// For the front end that takes lines.
pub(super) struct Levers(pub(super) Option<Arc<Director>>);

impl Beside for Levers {
    fn word(&self) -> &'static str {
        if self.0.is_some() { "lever" } else { "" }
    }

    async fn take(&self, line: &str) -> String {
        match &self.0 {
            Some(_) if line.is_empty() => lines().join("\n"),
            Some(director) => pull(director, line).await,
            None => String::new(),
        }
    }
}

/// For the console; `says` is what the tour says.
#[cfg(feature = "tui")]
pub(super) fn for_console(
    director: Arc<Director>,
    says: tokio::sync::mpsc::UnboundedReceiver<String>,
) -> console::Director {
    let (sender, mut asked) =
        tokio::sync::mpsc::unbounded_channel::<(String, tokio::sync::oneshot::Sender<String>)>();
    tokio::spawn(async move {
        while let Some((line, reply)) = asked.recv().await {
            // the console may be gone
            let _ = reply.send(pull(&director, &line).await);
        }
    });
    console::Director {
        levers: lines(),
        pull: sender,
        says,
    }
}
