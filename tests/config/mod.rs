//! Configuration and command line: what is accepted, what is refused and with which words, what wins over what.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

pub(crate) mod audit;
mod bad;
mod cli;
mod doctor;
mod doctor_faults;
mod failures;
mod good;
mod handbook;
mod help;
mod journal;
pub(crate) mod keys;
mod keystore;
mod limits;
mod monitoring;
mod odd_files;
mod packages;
mod people;
mod precedence;
mod presets;
mod restores;
pub(crate) mod roles;
mod sample;
mod seats;
mod shares;
mod start;
pub(crate) mod support;
mod unit;
mod version;
