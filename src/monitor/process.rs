//! What every process is asked, under the names that every dashboard knows.

use super::Family;
use crate::types::UnixMillis;

pub(super) fn families() -> Vec<Family> {
    vec![
        Family::gauge(
            "process_resident_memory_bytes",
            "Memory of this process that is resident.",
        )
        .is(resident_bytes()),
        Family::gauge(
            "process_start_time_seconds",
            "When this process was started, in seconds since the Unix epoch.",
        )
        .is(start_seconds()),
    ]
}

/// From `/proc`, where there is one: the second number of `statm` counts pages.
fn resident_bytes() -> Option<f64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: f64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * page_bytes())
}

#[expect(clippy::cast_precision_loss, reason = "a page is small")]
fn page_bytes() -> f64 {
    rustix::param::page_size() as f64
}

/// As the system says; elsewhere than on Linux, when this was first asked.
fn start_seconds() -> f64 {
    static STARTED: std::sync::OnceLock<f64> = std::sync::OnceLock::new();
    *STARTED.get_or_init(|| told_by_the_system().unwrap_or_else(now_seconds))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of some 300 000 years fit"
)]
fn now_seconds() -> f64 {
    UnixMillis::now().0 as f64 / 1_000.0
}

/// Field 22 of `stat` is when the process began, in clock ticks after the boot; `uptime` is how long ago that was. The name of
/// the program, field 2, may hold anything: the fields are counted behind its last bracket.
#[cfg(target_os = "linux")]
fn told_by_the_system() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let ticks = started_ticks(&stat)?;
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let up: f64 = uptime.split(' ').next()?.parse().ok()?;
    Some(now_seconds() - (up - ticks / ticks_per_second()).max(0.0))
}

#[cfg(not(target_os = "linux"))]
fn told_by_the_system() -> Option<f64> {
    None
}

#[cfg(target_os = "linux")]
#[expect(clippy::cast_precision_loss, reason = "some hundred ticks")]
fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

#[cfg(target_os = "linux")]
fn started_ticks(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    // the third field is the first behind the name
    fields.split_whitespace().nth(22 - 3)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_was_started_before_it_is_asked() {
        let fields = "0 ".repeat(18);
        let stat = format!("12 (a ) name) S {fields}4711 9 9");
        assert_eq!(started_ticks(&stat), Some(4_711.0));
        // a child that is asked late says when it began all the same
        let child = std::process::Command::new("sh")
            .args(["-c", "sleep 1; cat /proc/$$/stat"])
            .output()
            .unwrap();
        let ended = now_seconds();
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let up: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        let began = started_ticks(&String::from_utf8(child.stdout).unwrap()).unwrap() / ticks_per_second();
        assert!(up - began >= 0.9, "{began} of {up}");
        assert!(
            start_seconds() <= ended - 0.9,
            "this process is older than its child"
        );
    }
}
