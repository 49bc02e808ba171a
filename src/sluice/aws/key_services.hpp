// The two services of AWS that hold secrets for others: KMS, which wraps and unwraps them, and Secrets Manager, which
// keeps them. Only reading, and only these three calls: a policy has to allow no more.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "sluice/aws/json_service.hpp"

namespace sluice::aws {

class KeyServices {
 public:
  explicit KeyServices(const Clock& clock) : clock_(clock) {}

  struct DataKey {
    std::string kms_key;  // the ARN of the key that has wrapped it
    std::string wrapped;  // in base64
  };
  // A new random secret of out.size() bytes, 32. `context` must be given again to unwrap it.
  Result<DataKey> generate(const std::string& kms_key, const std::string& context, std::span<std::uint8_t> out);
  Result<void> decrypt(const DataKey& key, const std::string& context, std::span<std::uint8_t> out);
  // A secret as text; of a binary one its base64. Gives its size.
  Result<std::size_t> read_secret(const std::string& name, std::span<char> out);

 private:
  Result<JsonService*> service(const ServiceKind& kind, const std::string& name, const std::string& thing);

  const Clock& clock_;
  std::map<std::string, std::unique_ptr<JsonService>> services_;  // by kind and region
};

}  // namespace sluice::aws
