//! What is done when a round's gate opens.

use blstrs::{G1Affine, Scalar};

use super::{Dealt, FrostSession, Stage, Stop};
use crate::beacon::roots::deposit_signing_root;
use crate::dkg::rockx::frost::{Dealing, DerivedKeys, combine_shares, open_share, reshare_secret};
use crate::dkg::rockx::node::session::result::Expected;
use crate::dkg::rockx::node::session::{Entropy, Finish, Output, Purpose, Sink};
use crate::dkg::rockx::node::store::KeyShare;
use crate::dkg::rockx::wire::{BlameType, GoMap, MsgType, PartialDepositData, ProtocolRound, Round2};
use crate::dkg::threshold::{SecretScalar, coefficients_at_zero, decode_key, partial_sign};
use crate::log_limit::LogLimit;
use crate::types::{DEPOSIT_GWEI, OperatorId, Root, SafeText};

/// Lines about results that do not agree, of which their sender may post any number.
static WRONG: LogLimit = LogLimit::usual();

impl FrostSession {
    /// Every session key is known: deal.
    pub(super) fn after_preparation(
        &mut self,
        rng: &mut dyn Entropy,
        out: &mut Sink<'_>,
    ) -> Result<(), Stop> {
        if !self.missing().is_empty() {
            return Ok(());
        }
        if self.is_dealer() {
            let secret = match (&self.plan.purpose, &self.old_key) {
                (Purpose::Keygen { .. }, _) => SecretScalar::random(&mut &mut *rng),
                (Purpose::Reshare { .. }, Some(key)) => {
                    let share = SecretScalar::from_be_bytes(&*key.share).map_err(Stop::failed)?;
                    reshare_secret(&share, self.me.id, &self.plan.dealers).map_err(Stop::failed)?
                }
                (Purpose::Reshare { .. }, None) => return Err(Stop::failed("there is no share to reshare")),
            };
            let dealing = Dealing::new(self.me.id, secret, self.plan.threshold, &mut &mut *rng);
            let mut recipients = self.session_keys.clone();
            recipients.remove(&self.me.id);
            let round1 = dealing
                .round1(&recipients, &mut &mut *rng)
                .map_err(Stop::failed)?;
            if self.is_receiver() {
                self.shares.insert(self.me.id, dealing.share(self.me.id));
            }
            let commitments = dealing.commitments().clone();
            let own = Dealt {
                commitments,
                round1: round1.clone(),
            };
            self.dealt.insert(self.me.id, own);
            self.say(round1, out)?;
        }
        self.enter(Stage::Round1, out);
        Ok(())
    }

    /// Opens what was dealt to us as it comes; when everything is there, announces the keys.
    pub(super) fn after_round1(&mut self, out: &mut Sink<'_>) -> Result<(), Stop> {
        if let Some(session_key) = &self.session_key {
            for (dealer, dealt) in &self.dealt {
                if self.shares.contains_key(dealer) {
                    continue;
                }
                match open_share(self.me.id, session_key, &dealt.round1, &dealt.commitments) {
                    Ok(share) => drop(self.shares.insert(*dealer, share)),
                    Err(fault) => {
                        let evidence = self.first.get(&(ProtocolRound::Round1, *dealer));
                        return Err(Stop::Accuse {
                            kind: BlameType::InvalidShare,
                            evidence: evidence.cloned().into_iter().collect(),
                            reason: SafeText::new(&fault.to_string()),
                        });
                    }
                }
            }
        }
        if !self.missing().is_empty() {
            return Ok(());
        }
        let commitments = self
            .dealt
            .iter()
            .map(|(id, dealt)| (*id, dealt.commitments.clone()));
        let derived = DerivedKeys::new(&commitments.collect(), &self.plan.receivers)
            .ok_or_else(|| Stop::failed("the dealers' commitments add up to nothing"))?;
        if let Purpose::Reshare { validator } = &self.plan.purpose
            && derived.validator != *validator
        {
            return Err(Stop::failed(format_args!(
                "the dealers did not deal the requested validator key{}",
                self.false_dealers()
            )));
        }
        if self.is_receiver() {
            let share = combine_shares(self.shares.values())
                .ok_or_else(|| Stop::failed("the dealt shares add up to zero"))?;
            // each share fits its dealer's commitments, so the sum fits theirs
            let share_key = derived.share_keys[&self.me.id];
            let body = Round2 {
                vk: derived.validator.0.into(),
                vk_share: share_key.0.into(),
            };
            self.announced.insert(self.me.id, (derived.validator, share_key));
            self.share = Some(share);
            self.say(body, out)?;
        }
        self.derived = Some(derived);
        self.enter(Stage::Round2, out);
        Ok(())
    }

    /// Who dealt something else than its share of the key; only an old operator knows the share keys to tell.
    fn false_dealers(&self) -> String {
        let Some(key) = &self.old_key else {
            return String::new();
        };
        let lambdas = coefficients_at_zero(&self.plan.dealers).unwrap_or_default();
        let honest = |(dealer, lambda): (&OperatorId, Scalar)| {
            let share_key = decode_key(&key.share_public_keys.get(dealer)?.0).ok()?;
            let due = G1Affine::from(share_key * lambda).to_compressed();
            Some(self.dealt.get(dealer)?.commitments.constant_term().0 == due)
        };
        let dealers = self.plan.dealers.iter();
        let names: Vec<String> = dealers
            .zip(lambdas)
            .filter(|(dealer, lambda)| honest((dealer, *lambda)) == Some(false))
            .map(|(dealer, _)| format!(": operator {dealer} dealt something else than its share"))
            .collect();
        names.concat()
    }

    /// Everybody announced the keys: they must be what the commitments say, at every operator. A difference means that
    /// somebody lies now or showed different commitments to different operators before.
    pub(super) fn after_round2(&mut self, out: &mut Sink<'_>) -> Result<(), Stop> {
        if !self.missing().is_empty() {
            return Ok(());
        }
        let Some(derived) = &self.derived else {
            return Err(Stop::failed("no keys were derived"));
        };
        for (operator, (validator, share_key)) in &self.announced {
            if *validator != derived.validator {
                let words = format!("operator {operator} derived another validator key");
                return Err(Stop::Contradicted(SafeText::new(&words)));
            }
            if derived.share_keys.get(operator) != Some(share_key) {
                let words = format!("the share key of operator {operator} is not what was dealt to it");
                return Err(Stop::Contradicted(SafeText::new(&words)));
            }
        }
        let keep = self.share.as_ref().map(|share| {
            Output::Keep(KeyShare {
                validator: derived.validator,
                threshold: self.plan.threshold,
                share: share.to_be_bytes(),
                share_public_keys: derived.share_keys.clone(),
            })
        });
        match (self.deposit_root(), keep) {
            (Some(root), Some(keep)) => {
                let Some(share) = &self.share else {
                    return Err(Stop::failed("no share was derived"));
                };
                let signature = partial_sign(share, &root.0);
                self.deposits.insert(self.me.id, signature);
                let body = PartialDepositData {
                    signer: self.me.id,
                    root: root.0.into(),
                    signature: signature.0.into(),
                };
                let signed = self.me.sign(MsgType::DepositData, self.plan.id, &body)?;
                // a partial signature promises nothing yet: it may leave while the share is being written
                out.push(Output::Broadcast(signed));
                out.push(keep);
                self.enter(Stage::Deposit, out);
            }
            (_, keep) => {
                keep.into_iter().for_each(|keep| out.push(keep));
                self.publish_output(out)?;
            }
        }
        Ok(())
    }

    pub(super) fn after_deposit(&mut self, out: &mut Sink<'_>) -> Result<(), Stop> {
        let (Some(derived), Some(root)) = (&self.derived, self.deposit_root()) else {
            return Err(Stop::failed("no keys were derived"));
        };
        let combined = self.deposits.combine(
            &derived.validator,
            &derived.share_keys,
            &root.0,
            self.plan.threshold,
        );
        if combined.is_some() {
            self.deposit_signature = combined;
            self.publish_output(out)?;
        }
        Ok(())
    }

    /// Our own result, if we have one, and on to the last stage.
    fn publish_output(&mut self, out: &mut Sink<'_>) -> Result<(), Stop> {
        if let (Some(share), Some(expected)) = (&self.share, self.expected(self.me.id)) {
            let output = expected.produce(&self.me, share)?;
            let signed = self.me.sign(MsgType::Output, self.plan.id, &output)?;
            self.outputs.insert(self.me.id, output);
            out.push(Output::Broadcast(signed));
        }
        self.enter(Stage::Output, out);
        Ok(())
    }

    /// Results that do not agree are dropped; their sender may still send the right one.
    pub(super) fn after_output(&mut self, out: &mut Sink<'_>) {
        let wrong: Vec<(OperatorId, &'static str)> = self
            .outputs
            .iter()
            .filter(|(id, _)| **id != self.me.id)
            .filter_map(|(id, output)| {
                let agrees = self
                    .expected(*id)
                    .map_or(Err("it has no result"), |e| e.agrees(output));
                agrees.err().map(|fault| (*id, fault))
            })
            .collect();
        for (operator, fault) in wrong {
            if let Some(left_out) = WRONG.line() {
                tracing::warn!(target: "casimir_dkg::node", ceremony = %self.plan.id, %operator, fault, left_out, "result dropped");
            }
            self.outputs.remove(&operator);
        }
        if self.missing().is_empty() {
            self.stage = Stage::Over;
            let outputs = GoMap::from(std::mem::take(&mut self.outputs));
            out.push(Output::Finished(Finish::Outputs(outputs)));
        }
    }

    fn expected(&self, operator: OperatorId) -> Option<Expected> {
        let derived = self.derived.as_ref()?;
        Some(Expected {
            ceremony: self.plan.id,
            validator: derived.validator,
            share_key: *derived.share_keys.get(&operator)?,
            deposit_signature: self.deposit_signature,
        })
    }

    fn deposit_root(&self) -> Option<Root> {
        match &self.plan.purpose {
            Purpose::Keygen { credentials, fork } => {
                let validator = &self.derived.as_ref()?.validator;
                Some(deposit_signing_root(validator, credentials, DEPOSIT_GWEI, *fork))
            }
            Purpose::Reshare { .. } => None,
        }
    }
}
