//! A panic ends the program, visibly: the terminal is given back, then the panic is printed, then the process exits with
//! 101. A screen that goes on over a dead engine would lie. Where somebody answers for the work that panics, nothing
//! ends here: the engine says what became of it.

use std::sync::Once;

/// Exit code after a panic.
const DIED: i32 = 101;

/// Installs the hook, once.
pub(super) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            tracing::error!(target: "casimir_dkg::panic", "{info}");
            if casimir_dkg::lane::is_supervised() {
                // to the file that stderr is while the screen is up
                print(info);
                return;
            }
            super::leave();
            print(info);
            std::process::exit(DIED);
        }));
    });
}
