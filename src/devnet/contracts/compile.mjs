// Compiles the contracts of this folder with the pinned npm solc, once for each order of SSV's cluster tuple, and writes
// artifacts/<contract>.<layout>.json. `node compile.mjs --out DIR` writes elsewhere: the test compares that with what is
// committed. Settings are fixed, and the metadata hash is left out, so that the same source gives the same bytes.
import fs from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import solc from 'solc';

const here = path.dirname(fileURLToPath(import.meta.url));
const at = process.argv.indexOf('--out');
const out = at < 0 ? path.join(here, 'artifacts') : process.argv[at + 1];
const contracts = ['PoolManager', 'PoolManager26May', 'SsvStandIn'];
const sourcesOnly = ['PoolManagerBase'];
const layouts = ['balance-then-active', 'active-then-balance'];

fs.mkdirSync(out, {recursive: true});
for (const layout of layouts) {
  const files = {'Cluster.sol': path.join('layouts', layout, 'Cluster.sol')};
  for (const name of [...contracts, ...sourcesOnly]) files[`${name}.sol`] = `${name}.sol`;
  const sources = Object.fromEntries(
    Object.entries(files).map(([name, file]) => [name, {content: fs.readFileSync(path.join(here, file), 'utf8')}]),
  );
  const output = JSON.parse(solc.compile(JSON.stringify({
    language: 'Solidity',
    sources,
    settings: {
      evmVersion: 'shanghai',
      viaIR: true,
      optimizer: {enabled: true, runs: 200},
      metadata: {bytecodeHash: 'none', appendCBOR: false},
      outputSelection: {'*': {'*': ['abi', 'evm.bytecode.object']}},
    },
  })));
  const problems = output.errors ?? [];
  if (problems.length > 0) {
    console.error(problems.map((problem) => problem.formattedMessage).join('\n'));
    process.exit(1);
  }
  for (const name of contracts) {
    const {abi, evm} = output.contracts[`${name}.sol`][name];
    const artifact = {contractName: name, layout, compiler: solc.version(), abi, bytecode: `0x${evm.bytecode.object}`};
    fs.writeFileSync(path.join(out, `${name}.${layout}.json`), `${JSON.stringify(artifact)}\n`);
  }
}
