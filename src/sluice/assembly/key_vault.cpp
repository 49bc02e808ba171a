#include "sluice/assembly/key_vault.hpp"

namespace sluice::assembly {

AwsVault::AwsVault() : services_(system_clock()) {}

Result<std::size_t> AwsVault::read(const mask::KeyFacts& key, std::span<char> out) {
  return services_.read_secret(key.aws_secret, out);
}

// The key's id is part of what KMS seals, so that a wrapped secret cannot be moved under another id.
Result<void> AwsVault::make(mask::KeyFacts& key, std::span<std::uint8_t> out) {
  SLUICE_TRY(aws::KeyServices::DataKey made, services_.generate(key.kms_key, key.id, out));
  if (!mask::is_kms_arn(made.kms_key) || !mask::is_wrapped(made.wrapped))
    return fail(Fault::denied, "KMS answered with a key that cannot be written down", "is the endpoint AWS?");
  key.kms_key = std::move(made.kms_key);
  key.wrapped = std::move(made.wrapped);
  return {};
}

Result<void> AwsVault::unwrap(const mask::KeyFacts& key, std::span<std::uint8_t> out) {
  return services_.decrypt({key.kms_key, key.wrapped}, key.id, out);
}

Result<mask::Keyring> load_keyring(const std::string& file) {
  AwsVault vault;
  return mask::Keyring::load(file, &vault);
}

}  // namespace sluice::assembly
