//! What becomes of effects: the desk, the operators, the nodes.

use super::*;

impl Sim {
    /// The effect's footprint outside.
    pub(super) fn happen(&mut self, effect: &Effect) {
        match effect {
            Effect::RunCeremony {
                request, start: true, ..
            } => {
                *self.outside.started.entry(*request).or_default() += 1;
            }
            Effect::Send { transaction, .. } => {
                let mut key = [0; 48];
                key.copy_from_slice(&transaction.raw[..48]);
                let registration = u64::from(transaction.raw[48]);
                self.outside.pool.insert(
                    transaction.hash,
                    (transaction.nonce, BlsPublicKey(key), registration),
                );
            }
            _ => {}
        }
    }

    pub(super) fn perform(&mut self, effect: Effect) {
        // its task dies, before its work or after it
        let death = self.rng.gen_range(0..60);
        if death != 0 {
            self.happen(&effect);
        }
        if death <= 1 {
            self.input(Input::Died {
                effect: Box::new(effect),
                words: "a defect".into(),
            });
            return;
        }
        let answer = match effect {
            Effect::Prepare {
                case, purpose, draft, ..
            } => {
                let outcome = self.prepare(case, *draft);
                Input::Prepared {
                    case,
                    purpose,
                    outcome,
                }
            }
            Effect::RunCeremony { request, plan, .. } => Input::CeremonyEnded {
                request,
                outcome: self.ceremony(request, &plan),
                transcript: None,
            },
            Effect::Sign {
                action,
                payload,
                nonce,
                replaces,
            } => {
                // a replacement pays more, so it is other bytes
                let fee = replaces.map_or(U256::from(10), |old| old.max_fee_wei + U256::from(5));
                let mut raw = payload.data.to_vec();
                raw.extend(nonce.to_be_bytes());
                raw.extend(fee.to_be_bytes::<32>());
                let outcome = if self.rng.gen_bool(0.1) {
                    Err(SafeText::new("over the ceiling"))
                } else {
                    let hash = Root(alloy::primitives::keccak256(&raw).0);
                    Ok(SignedTransaction {
                        raw: raw.into(),
                        hash,
                        nonce,
                        max_fee_wei: fee,
                        priority_fee_wei: U256::from(1),
                        gas_limit: 100,
                    })
                };
                Input::Signed { action, outcome }
            }
            Effect::Send { action, .. } => {
                let outcome = if self.rng.gen_bool(0.3) {
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
                let status = self.rng.gen_bool(0.9).then(|| self.inspect(nonce, &hashes));
                Input::Inspected { action, status }
            }
            Effect::PublishExit { action, .. } => Input::ExitPublished {
                action,
                verdicts: Vec::new(),
                standing: ExitStanding::Unheard,
            },
            Effect::LookUpValidator { case, validator, .. } => Input::ValidatorSeen {
                case,
                validator,
                seen: self.rng.gen_bool(0.8).then(|| self.sighting(&validator)),
            },
        };
        self.input(answer);
    }

    /// Absent, then pending with an activation that may still move, then active.
    pub(super) fn sighting(&self, validator: &BlsPublicKey) -> Sighting {
        let chain = &self.outside.chain;
        let served = chain.served.values().flatten().find(|(_, key)| key == validator);
        let mined = served.map(|(hash, _)| chain.mined[hash].0.number);
        let age = mined.map_or(0, |mined| self.outside.height - mined);
        let activation = mined.filter(|_| age >= 4).map(|mined| Moment {
            epoch: mined + 8,
            at: UnixMillis((mined + 8) * 1_000),
        });
        let phase = match age {
            0..2 => ValidatorPhase::Absent,
            2..8 => ValidatorPhase::Pending,
            _ => ValidatorPhase::Active,
        };
        Sighting {
            phase,
            since: activation.filter(|_| phase == ValidatorPhase::Active),
            index: mined,
            by_state: Forecast {
                active: activation,
                ..Forecast::default()
            },
            by_rules: None,
        }
    }

    pub(super) fn prepare(&mut self, case: CaseId, draft: Draft) -> Prepared {
        if self.rng.gen_bool(0.1) {
            let at = UnixMillis(self.at + self.rng.gen_range(0..2_000));
            return Prepared::Later {
                reason: SafeText::new("an endpoint is down"),
                at,
            };
        }
        let committee: Vec<_> = (1..=4).map(OperatorId).collect();
        let (kind, payload) = match draft {
            Draft::Keygen(_) => {
                let plan = CeremonyPlan::Keygen {
                    committee,
                    threshold: 3,
                    withdrawal_credentials: Root([1; 32]),
                    fork_version: ForkVersion([0; 4]),
                    registration: None,
                };
                (
                    ActionKind::Keygen,
                    Payload::Ceremony(CeremonyPayload {
                        plan,
                        backend: BackendName::default(),
                    }),
                )
            }
            Draft::SendDeposit(SendDepositDraft {
                keygen, registration, ..
            }) => {
                let mut data = keygen.validator.0.to_vec();
                data.push(u8::try_from(registration.nonce).unwrap());
                let payload = TransactionPayload {
                    chain_id: 1,
                    from: Address::ZERO,
                    to: Address::repeat_byte(7),
                    value_wei: U256::ZERO,
                    data: Bytes::from(data),
                    fee_ceiling_wei: U256::from(1_000),
                    call: None,
                };
                (ActionKind::SendDeposit, Payload::Transaction(payload))
            }
            other => panic!("{case} asks for {other:?}"),
        };
        let head_of_queue =
            kind == ActionKind::Keygen || self.outside.chain.ready.first() == Some(&case.pool);
        let checks = vec![Check::of("head-of-queue", head_of_queue, "")];
        Prepared::Proposal(Box::new(Proposal {
            kind,
            title: SafeText::new("do it"),
            facts: Vec::new(),
            checks,
            payload,
        }))
    }

    /// What the messenger lets the initiator know: sometimes it is away, whatever became of the ceremony.
    pub(super) fn ceremony(
        &mut self,
        request: RequestId,
        plan: &CeremonyPlan,
    ) -> Result<Box<CeremonySuccess>, CeremonyFailure> {
        let fails = |kind, culprits, reason: &str| {
            Err(CeremonyFailure {
                kind,
                round: None,
                culprits,
                reason: SafeText::new(reason),
                blames: Vec::new(),
            })
        };
        if !self.calm && self.rng.gen_bool(0.3) {
            return fails(FailureKind::Unknown, Vec::new(), "the messenger does not answer");
        }
        if !self.outside.started.contains_key(&request) {
            return fails(FailureKind::Lost, Vec::new(), "the messenger does not know it");
        }
        if let Some(outcome) = self.outside.outcomes.get(&request) {
            return outcome.clone();
        }
        let outcome = if self.rng.gen_bool(0.7) {
            Ok(self.succeed(plan))
        } else {
            fails(
                FailureKind::Timeout,
                vec![OperatorId(2)],
                "operator 2 sent nothing",
            )
        };
        self.outside.outcomes.insert(request, outcome.clone());
        outcome
    }

    pub(super) fn succeed(&mut self, plan: &CeremonyPlan) -> Box<CeremonySuccess> {
        let result = match plan {
            CeremonyPlan::Keygen { committee, .. } => {
                self.outside.keys += 1;
                let validator = BlsPublicKey([self.outside.keys; 48]);
                CeremonyResult::Keygen(KeygenOutput {
                    validator,
                    deposit_signature: BlsSignature::default(),
                    share_public_keys: committee.iter().map(|id| (*id, validator)).collect(),
                    encrypted_shares: BTreeMap::new(),
                    registration: None,
                })
            }
            CeremonyPlan::Sign { .. } => CeremonyResult::Sign {
                signature: BlsSignature::default(),
            },
            CeremonyPlan::Reshare { .. } => panic!("no reshare was asked for"),
        };
        Box::new(CeremonySuccess {
            result,
            checks: Vec::new(),
        })
    }
}
