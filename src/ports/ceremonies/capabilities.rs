//! What a DKG backend says of itself, as data.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::types::{BackendName, SafeText, listed};

/// What a backend can do, and what it demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CeremonyCapabilities {
    /// Its name in journals and transcripts.
    pub backend: BackendName,
    /// What people call it.
    pub title: SafeText,
    /// The committees that it knows, ascending by size.
    pub committees: Vec<CommitteeSize>,
    /// Where the SSV registration is signed.
    pub registration: RegistrationSigning,
    /// Where the shares are afterwards.
    pub shares: SharesKept,
    /// Whether the operators can sign a voluntary exit.
    pub exits: ExitSigning,
    /// Who must agree to what is done with a key that exists.
    pub consent: Consent,
    /// How large the new committee of a reshare may be.
    pub reshare_size: ReshareSize,
    /// Operators with an older release cannot take part; `None`: every release can.
    pub oldest_release: Option<Release>,
    /// Which releases can take part together.
    pub releases: ReleaseMix,
}

/// A size of committee, with its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitteeSize {
    /// How many operators.
    pub operators: usize,
    /// How many of them can sign.
    pub threshold: u8,
}

/// Where the SSV registration (owner and nonce) is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegistrationSigning {
    /// Within key generations and reshares: their plans name owner and nonce, and their results have the signature.
    Within {
        /// Whether it can be had for another nonce when that one is used up.
        renewal: Renewal,
    },
    /// By a signing ceremony of its own, any time later.
    OwnCeremony,
}

/// Whether a registration that was signed for one nonce can be signed for another one, with the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Renewal {
    /// It can, by a signing ceremony under the same consent as a reshare.
    ByCeremony,
    /// It cannot: another nonce needs another key.
    Impossible,
}

/// Where the shares are after a key generation or a reshare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SharesKept {
    /// Each operator keeps its own.
    AtOperators,
    /// Nobody keeps any: each is handed back, encrypted to its operator, and must be brought along to a reshare.
    HandedBack,
}

/// Whether the operators can sign a voluntary exit by a ceremony.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitSigning {
    /// They can.
    ByCeremony,
    /// They cannot: the exit must be had in another way.
    Impossible,
}

/// Who must agree to a reshare, and to the renewal of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consent {
    /// Nobody beside the operators.
    Nobody,
    /// The owner, by a signature over the whole order.
    OwnerSignature,
}

/// How large the new committee of a reshare may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReshareSize {
    /// As large as the old one.
    Same,
    /// Any size that the backend knows.
    Any,
}

/// Which releases of the operators' program can take part in one ceremony.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseMix {
    /// Any that can take part at all.
    Any,
    /// One and the same, as they tell it, letter by letter.
    Same,
}

impl CeremonyCapabilities {
    /// The threshold of a committee of `operators`; `None` where there is no such committee.
    #[must_use]
    pub fn threshold_of(&self, operators: usize) -> Option<u8> {
        let mut known = self.committees.iter();
        known
            .find(|size| size.operators == operators)
            .map(|size| size.threshold)
    }

    /// The sizes in words: `4, 7, 10 and 13`.
    #[must_use]
    pub fn sizes(&self) -> String {
        listed(self.committees.iter().map(|size| size.operators), "and")
    }

    /// Whether the registration of a key that exists can be signed again, by those who are here: the owner is a contract,
    /// and nobody signs for it.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn renews_registrations(&self) -> Result<(), SafeText> {
        let title = &self.title;
        match (self.registration, self.consent) {
            (RegistrationSigning::OwnCeremony, _)
            | (
                RegistrationSigning::Within {
                    renewal: Renewal::ByCeremony,
                },
                Consent::Nobody,
            ) => Ok(()),
            (
                RegistrationSigning::Within {
                    renewal: Renewal::Impossible,
                },
                _,
            ) => Err(format!("{title} signs a registration only as it makes shares").into()),
            (_, Consent::OwnerSignature) => Err(format!(
                "{title} signs a registration again with the owner's signature only, and the owner is the manager contract"
            )
            .into()),
        }
    }

    /// A release as an operator reported it, against the oldest that can take part.
    #[must_use]
    pub fn judge_release(&self, told: &str) -> ReleaseVerdict {
        match (told.parse::<Release>(), self.oldest_release) {
            (Ok(release), Some(oldest)) if release < oldest => ReleaseVerdict::TooOld,
            (Ok(_), _) => ReleaseVerdict::Fine,
            (Err(_), _) => ReleaseVerdict::Untold,
        }
    }
}

/// A release of the operators' program: major, minor, patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Release(pub u32, pub u32, pub u32);

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(major, minor, patch) = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// The text names no release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a release, like 1.2.3")]
pub struct NoRelease;

/// `1.2.3`, with `v` before it or `-rc1` and `+build` behind it as programs are wont to tell.
impl FromStr for Release {
    type Err = NoRelease;
    fn from_str(text: &str) -> Result<Self, NoRelease> {
        let text = text.trim().trim_start_matches('v');
        let text = text.split(['-', '+']).next().unwrap_or_default();
        let mut parts = text.split('.').map(str::parse);
        let mut next = || parts.next().and_then(Result::ok).ok_or(NoRelease);
        Ok(Self(next()?, next()?, next()?))
    }
}

/// A reported release against the oldest that can take part. Better ones first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReleaseVerdict {
    /// It can take part.
    Fine,
    /// An unstamped build reports none: unknown, not wrong.
    Untold,
    /// It cannot take part.
    TooOld,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_and_compared() {
        assert_eq!("0.2.13".parse(), Ok(Release(0, 2, 13)));
        assert_eq!("v0.2.7-rc1".parse(), Ok(Release(0, 2, 7)));
        for text in ["", "dev", "1.2", "1.2.x"] {
            assert_eq!(text.parse::<Release>(), Err(NoRelease), "{text}");
        }
        assert!(Release(0, 2, 13) > Release(0, 2, 7));
        assert_eq!(Release(3, 1, 0).to_string(), "3.1.0");
    }
}
