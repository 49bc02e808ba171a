// Keyrings as commands use them: with AWS behind them, for keys whose secrets stand there.
#pragma once

#include <string>

#include "sluice/aws/key_services.hpp"
#include "sluice/mask/keyring.hpp"

namespace sluice::assembly {

// Asks AWS only when a key wants it.
class AwsVault final : public mask::KeyVault {
 public:
  AwsVault();
  Result<std::size_t> read(const mask::KeyFacts& key, std::span<char> out) override;
  Result<void> make(mask::KeyFacts& key, std::span<std::uint8_t> out) override;
  Result<void> unwrap(const mask::KeyFacts& key, std::span<std::uint8_t> out) override;

 private:
  aws::KeyServices services_;
};

Result<mask::Keyring> load_keyring(const std::string& file);

}  // namespace sluice::assembly
