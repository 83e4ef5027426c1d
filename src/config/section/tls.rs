//! With what the messenger and the node speak TLS, and whose word they take for who asks.

use crate::config::reader::Reader;
use crate::listen::{Network, TlsFiles};

/// The files of these keys: certificate, key, and who may go without. The outer `None` is an error, which was reported.
#[expect(
    clippy::option_option,
    reason = "reported, absent and present are three different things"
)]
pub(super) fn tls(
    r: &mut Reader<'_>,
    [certificate, key, plain]: [&'static str; 3],
) -> Option<Option<TlsFiles>> {
    let (certificate_file, key_file) = (r.path(certificate), r.path(key));
    let plain_http = r.optional::<Vec<Network>>(plain);
    plain_over_the_internet(r, plain, plain_http.iter().flatten().flatten());
    match (certificate_file?, key_file?) {
        (None, None) => {
            if r.is_said(plain) {
                let message = format!("means nothing without {certificate}: everybody speaks plain HTTP");
                r.error(plain, message);
            }
            Some(None)
        }
        (Some(certificate), Some(key)) => Some(Some(TlsFiles {
            certificate,
            key,
            plain_http: plain_http?.unwrap_or_default(),
        })),
        (Some(_), None) => {
            r.error(certificate, format!("a certificate needs its key: {key}"));
            None
        }
        (None, Some(_)) => {
            r.error(key, format!("a key needs its certificate: {certificate}"));
            None
        }
    }
}

/// Whoever stands in between reads and changes what is sent in plain text.
fn plain_over_the_internet<'n>(r: &mut Reader<'_>, key: &str, networks: impl Iterator<Item = &'n Network>) {
    for network in networks {
        let who = match network.is_everybody() {
            true => {
                "is everybody: who does not ask for TLS goes without, and the certificate protects nobody who is lied to"
            }
            false if network.reaches_the_internet() => {
                "has addresses of the internet, where whoever stands in between reads and changes plain HTTP"
            }
            false => continue,
        };
        r.worry(
            key,
            &format!("{network} {who}. Name addresses of your own network only"),
        );
    }
}

/// The proxies of this key. Where everybody is one, whoever asks says who it is.
#[expect(
    clippy::option_option,
    reason = "reported, absent and present are three different things"
)]
pub(super) fn proxies(r: &mut Reader<'_>, key: &str) -> Option<Option<Vec<Network>>> {
    let networks = r.optional::<Vec<Network>>(key)?;
    for network in networks.iter().flatten().filter(|network| network.is_everybody()) {
        let message = format!(
            "{network} is everybody: whoever asks could say that it is somebody else. Name your proxies"
        );
        r.error(key, message);
    }
    Some(networks)
}
