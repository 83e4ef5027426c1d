// Starts Lodestar 1.5.1 for a chain that lives on one machine for a few minutes, and hands over to its own command line.
//
// Where it differs from `lodestar` itself, and why:
//  - newer packages in its tree call Promise.withResolvers, which Node 20 does not have;
//  - the constants of the chain are changed in the minimal preset itself, so that /eth/v1/config/spec tells the truth;
//  - its simulated execution engine is made to work from Capella on;
//  - deposits are read every second, and as close to the head as the chain's constants say;
//  - it goes on after a pause of any length, although no other node is there to catch up with;
//  - deposits are found whatever their block's number is.
//
// CASIMIR_NODE_MODULES names the folder with the packages, CASIMIR_PRESET the constants as JSON. (No variable may begin
// with LODESTAR_: the command line would take it for an option.)
import path from 'node:path';
import {pathToFileURL} from 'node:url';

const POLL_MS = 1000;
const ZERO_HASH = `0x${'00'.repeat(32)}`;

Promise.withResolvers ??= function withResolvers() {
  const made = {};
  made.promise = new this((resolve, reject) => Object.assign(made, {resolve, reject}));
  return made;
};

const modules = process.env.CASIMIR_NODE_MODULES;
// by file: the packages do not export what is changed here
const load = (file) => import(pathToFileURL(path.join(modules, file)).href);

process.env.LODESTAR_PRESET = 'minimal';
const {minimalPreset} = await load('@lodestar/params/lib/presets/minimal.js');
for (const [name, value] of Object.entries(JSON.parse(process.env.CASIMIR_PRESET))) {
  if (!(name in minimalPreset)) throw new Error(`the preset has no ${name}`);
  minimalPreset[name] = value;
}

// The engine knows no block at first (the command line leaves its genesis hash empty) and would call every head unknown;
// it is not told either that Capella has begun, and leaves the withdrawals out that it is asked for.
const {ExecutionEngineMockBackend} = await load('@lodestar/beacon-node/lib/execution/engine/mock.js');
const {notifyForkchoiceUpdate} = ExecutionEngineMockBackend.prototype;
ExecutionEngineMockBackend.prototype.notifyForkchoiceUpdate = function follow(choice, attributes) {
  if (this.validBlocks.delete('')) {
    for (const blockHash of [ZERO_HASH, choice.headBlockHash]) {
      this.validBlocks.set(blockHash, {parentHash: ZERO_HASH, blockHash, timestamp: 0, blockNumber: 0});
    }
  }
  this.opts.capellaForkTimestamp ??= 0;
  const answer = notifyForkchoiceUpdate.call(this, choice, attributes);
  if (answer.payloadId !== null && attributes?.withdrawals) {
    this.preparingPayloads.get(Number(answer.payloadId)).executionPayload.withdrawals = attributes.withdrawals;
  }
  return answer;
};

// The tracker would ask once a minute, and stay 64 blocks behind at least.
const {Eth1DepositDataTracker} = await load('@lodestar/beacon-node/lib/eth1/eth1DepositDataTracker.js');
Eth1DepositDataTracker.prototype.runAutoUpdate = async function poll() {
  const {ETH1_FOLLOW_DISTANCE: distance} = this.config;
  Object.defineProperty(this, 'eth1FollowDistance', {get: () => distance, set() {}});
  while (!this.signal.aborted) {
    try {
      await this.update();
    } catch (error) {
      if (!this.signal.aborted) this.logger.warn('Deposits cannot be read', {}, error);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
};

// A node whose head is more than an epoch old waits for peers to catch up with. Here are none, and an epoch is a matter of
// seconds: a busy machine would halt the chain for ever.
const {BeaconSync} = await load('@lodestar/beacon-node/lib/sync/sync.js');
Object.defineProperty(BeaconSync.prototype, 'slotImportTolerance', {get: () => Number.MAX_SAFE_INTEGER, set() {}});

// Deposits are stored by index, but upstream asks for those up to a block *number*: on a chain that is younger than it
// has deposits, the newest would be overlooked. What is behind the range is skipped by the callee anyhow.
const {Eth1DepositsCache} = await load('@lodestar/beacon-node/lib/eth1/eth1DepositsCache.js');
const {getEth1DataForBlocks} = await load('@lodestar/beacon-node/lib/eth1/utils/eth1Data.js');
Eth1DepositsCache.prototype.getEth1DataForBlocks = async function all(blocks, lastProcessed) {
  const tree = await this.db.depositDataRoot.getDepositRootTree();
  return getEth1DataForBlocks(blocks, this.db.depositEvent.valuesStream({reverse: true}), tree, lastProcessed);
};

await load('@chainsafe/lodestar/lib/index.js');
