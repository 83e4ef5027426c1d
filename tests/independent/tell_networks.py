"""Writes what others have written down of the public networks: their fork versions and genesis validators roots by
ethstaker_deposit, mainnet's chain by the official specification. Both by name, so that the test compares like with like."""

import json
import sys

from eth_consensus_specs.electra import mainnet
from ethstaker_deposit.settings import ALL_CHAINS

networks = {
    name: {
        "genesis_fork_version": "0x" + chain.GENESIS_FORK_VERSION.hex(),
        "capella_fork_version": "0x" + chain.EXIT_FORK_VERSION.hex(),
        "genesis_validators_root": chain.GENESIS_VALIDATORS_ROOT and "0x" + chain.GENESIS_VALIDATORS_ROOT.hex(),
    }
    for name, chain in ALL_CHAINS.items()
}
networks["mainnet"] |= {
    "chain_id": int(mainnet.config.DEPOSIT_CHAIN_ID),
    "deposit_contract": "0x" + bytes(mainnet.config.DEPOSIT_CONTRACT_ADDRESS).hex(),
}
json.dump(networks, sys.stdout)
