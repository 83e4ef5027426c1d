//! Feeds the console's log pane. `tui-logger` brings a layer of its own, which would show what others sent as it came.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::scrub::{Form, scrub};

pub(crate) struct Pane {
    drain: tui_logger::Drain,
}

impl Pane {
    pub(crate) fn new() -> Self {
        // what is let through was decided by the filter around this layer
        tui_logger::set_default_level(tui_logger::LevelFilter::Trace);
        Self {
            drain: tui_logger::Drain::new(),
        }
    }
}

impl<S: Subscriber> Layer<S> for Pane {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut words = Words::default();
        event.record(&mut words);
        let line = scrub(&format!("{}{}", words.message, words.fields), Form::Text);
        let level = match *event.metadata().level() {
            tracing::Level::ERROR => log::Level::Error,
            tracing::Level::WARN => log::Level::Warn,
            tracing::Level::INFO => log::Level::Info,
            tracing::Level::DEBUG => log::Level::Debug,
            tracing::Level::TRACE => log::Level::Trace,
        };
        self.drain.log(
            &log::Record::builder()
                .args(format_args!("{line}"))
                .level(level)
                .target(event.metadata().target())
                .build(),
        );
    }
}

/// The message first, then the fields.
#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // writing to a String cannot fail
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
