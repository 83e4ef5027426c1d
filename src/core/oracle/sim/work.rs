//! What becomes of effects: each leaves its footprint outside, or does not, and gives an answer, late, twice or never.

use alloy::primitives::{U256, keccak256};
use rand::Rng as _;

use super::truth::{Call, Pooled};
use super::world::World;
use crate::oracle::*;
use crate::types::*;

const GAS: u64 = 100;

impl World {
    /// The effect's footprint outside.
    pub(super) fn happen(&mut self, effect: &Effect) {
        self.book.leaves(effect);
        match effect {
            Effect::RunCeremony {
                request, start: true, ..
            } => *self.outside.started.entry(*request).or_default() += 1,
            Effect::Send { transaction, .. } => {
                let entry = Pooled {
                    nonce: transaction.nonce,
                    fee: transaction.max_fee_wei.to(),
                    call: Call::read(&transaction.raw),
                };
                self.outside.pool.insert(transaction.hash, entry);
            }
            Effect::PublishExit { payload, .. } => self.outside.offers.push((self.now, payload.signing_root)),
            _ => {}
        }
    }

    /// Performs one of the effects that were asked for, in any order. Its answer comes at once, or later.
    pub(super) fn perform_any(&mut self) {
        if self.waiting.is_empty() {
            return self.deliver();
        }
        let n = self.rng.gen_range(0..self.waiting.len());
        let lasts = self.slow && matches!(self.waiting[n], Effect::RunCeremony { .. });
        if lasts && self.rng.gen_bool(0.9) {
            return;
        }
        let effect = self.waiting.remove(n).unwrap();
        self.perform(effect);
        if !self.rng.gen_bool(0.2) {
            self.deliver();
        }
    }

    /// Gives one of the answers that are under way to the core.
    pub(super) fn deliver(&mut self) {
        if self.answers.is_empty() {
            return;
        }
        let n = self.rng.gen_range(0..self.answers.len());
        let answer = self.answers.remove(n).unwrap();
        let twice = (!self.calm && self.rng.gen_bool(0.03)).then(|| answer.clone());
        let process = self.process;
        self.input(answer);
        if let Some(answer) = twice.filter(|_| self.process == process) {
            self.input(answer);
        }
    }

    /// The task of an effect may die (F56).
    pub(super) fn perform(&mut self, effect: Effect) {
        // its task dies, before its work or after it
        let death = if self.calm { 9 } else { self.rng.gen_range(0..80) };
        if death != 0 {
            self.happen(&effect);
        }
        if death <= 1 {
            self.answers.push_back(Input::Died {
                effect: Box::new(effect),
                words: "a defect".into(),
            });
            return;
        }
        let answer = self.answer(effect);
        self.answers.push_back(answer);
    }

    /// Nobody may answer (F17), and nodes may refuse (F22).
    fn answer(&mut self, effect: Effect) -> Input {
        match effect {
            Effect::Prepare {
                case, purpose, draft, ..
            } => Input::Prepared {
                case,
                purpose,
                outcome: self.prepare(case, purpose, *draft),
            },
            Effect::RunCeremony { request, plan, .. } => {
                let outcome = self.hear(request, &plan);
                let transcript = self
                    .rng
                    .gen_bool(0.5)
                    .then(|| ("transcript.json".into(), Root([7; 32])));
                Input::CeremonyEnded {
                    request,
                    outcome,
                    transcript,
                }
            }
            Effect::Sign {
                action,
                payload,
                nonce,
                replaces,
            } => Input::Signed {
                action,
                outcome: self.sign(&payload, nonce, replaces.as_ref()),
            },
            Effect::Send { action, .. } => {
                let fails = !self.calm && self.rng.gen_bool(0.3);
                let outcome = if fails {
                    Err(SafeText::new("already known"))
                } else {
                    Ok(())
                };
                Input::Sent { action, outcome }
            }
            Effect::Inspect {
                action,
                nonce,
                hashes,
            } => {
                let answers = self.calm || self.rng.gen_bool(0.9);
                let status = answers.then(|| self.inspect(nonce, &hashes));
                Input::Inspected { action, status }
            }
            Effect::PublishExit { action, payload } => {
                let (verdicts, standing) = self.offer(&payload);
                Input::ExitPublished {
                    action,
                    verdicts,
                    standing,
                }
            }
            Effect::LookUpValidator {
                case,
                validator,
                published,
            } => {
                let answers = self.calm || self.rng.gen_bool(0.8);
                Input::ValidatorSeen {
                    case,
                    validator,
                    seen: answers.then(|| self.sighting(&validator, published)),
                }
            }
        }
    }

    /// A replacement of what is stuck (F23) pays more, so it is other bytes. Nothing costs more than the ceiling.
    fn sign(
        &mut self,
        payload: &TransactionPayload,
        nonce: u64,
        replaces: Option<&SignedTransaction>,
    ) -> Result<SignedTransaction, NotSigned> {
        let fee = replaces.map_or(U256::from(10), |old| old.max_fee_wei + U256::from(5));
        let over = fee * U256::from(GAS) > payload.fee_ceiling_wei;
        let luck: f64 = match over || self.calm {
            true => 1.0,
            false => self.rng.r#gen(),
        };
        if luck < 0.02 {
            return Err(NotSigned::Away(SafeText::new("connection refused")));
        }
        if luck < 0.04 {
            return Err(NotSigned::Unknown(SafeText::new("no endpoint answers")));
        }
        if over || luck < 0.08 {
            return Err(SafeText::new("over the ceiling").into());
        }
        let mut raw = payload.data.to_vec();
        raw.extend(nonce.to_be_bytes());
        raw.extend(fee.to_be_bytes::<32>());
        let hash = Root(keccak256(&raw).0);
        Ok(SignedTransaction {
            raw: raw.into(),
            hash,
            nonce,
            max_fee_wei: fee,
            priority_fee_wei: U256::from(1),
            gas_limit: GAS,
        })
    }
}
