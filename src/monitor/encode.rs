//! Families of samples that are made when they are asked for, in Prometheus' text format.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::process;

/// What a sample's labels say, in the order of the family's names.
type Labels = Vec<(&'static str, String)>;

/// One metric with its samples.
#[derive(Debug, Clone)]
pub(crate) struct Family {
    /// Without `_total`, which counters get.
    name: &'static str,
    help: &'static str,
    counts: bool,
    samples: Vec<(Labels, f64)>,
}

impl Family {
    /// A number that goes up and down.
    pub(crate) fn gauge(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            counts: false,
            samples: Vec::new(),
        }
    }

    /// A number that only grows; its name in the text ends in `_total`.
    pub(crate) fn counter(name: &'static str, help: &'static str) -> Self {
        Self {
            counts: true,
            ..Self::gauge(name, help)
        }
    }

    /// With its only sample, where that is known.
    pub(crate) fn is(mut self, value: impl Into<Option<f64>>) -> Self {
        self.samples
            .extend(value.into().map(|value| (Labels::new(), value)));
        self
    }

    /// With one more sample.
    pub(crate) fn with<const N: usize>(mut self, labels: [(&'static str, &str); N], value: f64) -> Self {
        let labels = labels.map(|(name, value)| (name, value.to_owned()));
        self.samples.push((labels.to_vec(), value));
        self
    }
}

#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for family in &self.0 {
            let kind = match family.counts {
                true => MetricType::Counter,
                false => MetricType::Gauge,
            };
            let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
            for (labels, value) in &family.samples {
                let mut sample = metric.encode_family(labels)?;
                match family.counts {
                    true => sample.encode_counter::<Labels, _, f64>(value, None)?,
                    false => sample.encode_gauge(value)?,
                }
            }
        }
        Ok(())
    }
}

/// The families of a role, and those of its process.
pub(crate) fn render(mut families: Vec<Family>) -> String {
    families.extend(process::families());
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(families)));
    let mut text = String::new();
    // a `String` takes whatever is written to it
    let _ = prometheus_text::encode(&mut text, &registry);
    text
}

const _: fn() = || {
    fn is_label_set<T: EncodeLabelSet>() {}
    is_label_set::<Labels>();
};
