// The configuration of the Hardhat devnet; chain/devnet/hardhat.py passes its settings.
module.exports = {
  solidity: "0.8.28",
  networks: { hardhat: JSON.parse(process.env.KARAT_HARDHAT_NETWORK) },
};
