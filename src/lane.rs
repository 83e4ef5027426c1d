//! Work that somebody waits for and answers for: a panic in it is an outcome like another, and no reason to end the
//! program. Everything else that panics is not expected to, and the console ends with it.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::{JoinError, JoinHandle};

use crate::types::SafeText;

thread_local! {
    static SUPERVISED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is at such work right now; for the panic hooks of front ends.
#[must_use]
pub fn is_supervised() -> bool {
    SUPERVISED.get()
}

/// Marks a future as such work, wherever it runs. Whoever spawns it looks at how it ended.
pub fn supervised<T: 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> + Send + 'static {
    Supervised(Box::pin(work))
}

/// The same for a computation, off the threads that serve everybody.
pub fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    tokio::task::spawn_blocking(move || {
        let _mark = Mark::set();
        work()
    })
}

/// What a task died of, without the number that the runtime gave it.
#[must_use]
pub fn last_words(error: JoinError) -> SafeText {
    let Ok(panic) = error.try_into_panic() else {
        return "it was cancelled".into();
    };
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    SafeText::new(text.unwrap_or("a panic without words"))
}

struct Supervised<T>(Pin<Box<dyn Future<Output = T> + Send>>);

impl<T> Future for Supervised<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let _mark = Mark::set();
        self.0.as_mut().poll(context)
    }
}

/// Sets the mark, and puts back what was there before.
struct Mark(bool);

impl Mark {
    fn set() -> Self {
        Self(SUPERVISED.replace(true))
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        SUPERVISED.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_mark_is_there_while_it_works_and_not_after() {
        let work = tokio::spawn(supervised(async {
            tokio::task::yield_now().await;
            is_supervised()
        }));
        assert!(work.await.unwrap());
        assert!(blocking(is_supervised).await.unwrap());
        assert!(!is_supervised());
        assert!(!tokio::spawn(async { is_supervised() }).await.unwrap());
    }

    #[tokio::test]
    async fn the_last_words_are_those_of_the_panic() {
        let fixed = tokio::spawn(supervised(async { panic!("out of order") }));
        assert_eq!(last_words(fixed.await.unwrap_err()).as_str(), "out of order");
        let made = tokio::spawn(supervised(async { panic!("number {}", 7) }));
        assert_eq!(last_words(made.await.unwrap_err()).as_str(), "number 7");
        assert!(!is_supervised());
    }
}
