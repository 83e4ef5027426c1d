//! What the engine loop needs of the world outside: somebody who performs effects.

use std::pin::Pin;
use std::sync::Arc;

use crate::oracle::{Effect, Input};

/// What comes of an effect, later.
pub type EffectFuture = Pin<Box<dyn Future<Output = Input> + Send>>;

/// Performs effects. Each call does all its I/O under deadlines and always answers with an input, never an error: what
/// went wrong is part of the input.
pub trait World: Send + Sync + 'static {
    /// Begins an effect; the future ends with what the decision core is to know of it.
    fn perform(self: Arc<Self>, effect: Effect) -> EffectFuture;
}
