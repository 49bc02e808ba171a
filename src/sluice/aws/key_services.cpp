#include "sluice/aws/key_services.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace sluice::aws {
namespace {

constexpr std::size_t data_key_size = 32;
constexpr std::string_view context_name = "sluice-key";

constexpr std::array<ServiceError, 10> kms_errors{{
    {"DisabledException", Fault::denied, "is disabled", "enable it: aws kms enable-key --key-id ..."},
    {"KMSInvalidStateException", Fault::denied, "is not in a state to be used",
     "is it to be deleted? aws kms cancel-key-deletion, then enable-key"},
    {"NotFoundException", Fault::denied, "does not exist", "check the key's name, region and account"},
    {"InvalidKeyUsageException", Fault::denied, "is not for encryption", "use a symmetric key for encryption"},
    {"IncorrectKeyException", Fault::config, "is not the one that has wrapped the secret",
     "put back the keyring's \"kms_key\" and \"wrapped\" as they were"},
    {"InvalidCiphertextException", Fault::config, "cannot unwrap the secret: it was changed, or is of another key id",
     "put back the keyring's \"wrapped\" as it was"},
    {"InvalidArnException", Fault::config, "has no ARN that KMS takes", "check the key's name, region and account"},
    {"ValidationException", Fault::config, "has no name that KMS takes", "check the key's name, region and account"},
    {"KeyUnavailableException", Fault::transient, "is not available", "try again later"},
    {"KMSInternalException", Fault::transient, "cannot be used now", "try again later"},
}};

constexpr std::array<ServiceError, 5> secret_errors{{
    {"ResourceNotFoundException", Fault::denied, "does not exist",
     "check name, region and account, or make it: aws secretsmanager create-secret --name NAME --secret-string "
     "\"$(openssl rand -base64 32)\""},
    {"InvalidRequestException", Fault::denied, "cannot be read",
     "is it to be deleted? aws secretsmanager restore-secret"},
    {"DecryptionFailure", Fault::denied, "cannot be decrypted",
     "allow kms:Decrypt on the KMS key that it is kept with"},
    {"ValidationException", Fault::config, "has no name that Secrets Manager takes", "check the name"},
    {"InvalidParameterException", Fault::config, "has no name that Secrets Manager takes", "check the name"},
}};

constexpr ServiceKind kms{"kms", "KMS", "TrentService", kms_errors};
constexpr ServiceKind secrets_manager{"secretsmanager", "SECRETS_MANAGER", "secretsmanager", secret_errors};

tl::unexpected<Error> odd(const std::string& thing, std::string_view action, std::string_view what) {
  return fail(Fault::denied, thing + ": " + std::string(action) + " answered " + std::string(what),
              "is the endpoint AWS, or something that speaks its protocol?");
}

// Base64 that must be of exactly `out`'s size.
bool decode(std::string_view text, std::span<std::uint8_t> out) {
  std::array<std::uint8_t, 3 * ((data_key_size + 2) / 3)> bytes;
  if (out.size() != data_key_size || text.size() != bytes.size() / 3 * 4 || !text.ends_with('=')) return false;
  const bool decoded = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const std::uint8_t*>(text.data()),
                                       static_cast<int>(text.size())) == static_cast<int>(bytes.size());
  if (decoded) std::copy_n(bytes.begin(), out.size(), out.begin());
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return decoded;
}

// What a key of a keyring names is not repeated unless it can be nothing but a name: the secret itself may stand there.
std::string told(const std::string& what, const char* field, const std::string& name) {
  return name.starts_with("arn:") ? "the " + what + " " + name : "its " + what + " (" + field + ")";
}
std::string told_kms(const std::string& name) { return told("KMS key", "kms_key", name); }
std::string told_secret(const std::string& name) { return told("secret in AWS", "aws_secret", name); }

}  // namespace

Result<JsonService*> KeyServices::service(const ServiceKind& kind, const std::string& name, const std::string& thing) {
  // An ARN up to its account names the region.
  std::size_t end = 0;
  if (name.starts_with("arn:")) {
    for (int part = 0; part < 4 && end != std::string::npos; ++part) end = name.find(':', end + (part == 0 ? 0 : 1));
  }
  auto& slot = services_[std::string(kind.name) + " " + name.substr(0, end)];
  if (!slot) {
    SLUICE_TRY(slot, JsonService::open(kind, name, thing, clock_));
  }
  return slot.get();
}

Result<KeyServices::DataKey> KeyServices::generate(const std::string& kms_key, const std::string& context,
                                                   std::span<std::uint8_t> out) {
  const std::string thing = told_kms(kms_key);
  SLUICE_TRY(JsonService * service, service(kms, kms_key, thing));
  const nlohmann::json body = {
      {"KeyId", kms_key}, {"NumberOfBytes", out.size()}, {"EncryptionContext", {{context_name, context}}}};
  SLUICE_TRY(SecretAnswer answer, service->call("GenerateDataKey", body.dump(), thing));
  DataKey made{std::string(answer.text("KeyId")), std::string(answer.text("CiphertextBlob"))};
  if (made.kms_key.empty() || made.wrapped.empty() || !decode(answer.text("Plaintext"), out))
    return odd(thing, "GenerateDataKey", "without a key of 32 bytes");
  return made;
}

Result<void> KeyServices::decrypt(const DataKey& key, const std::string& context, std::span<std::uint8_t> out) {
  const std::string thing = told_kms(key.kms_key);
  SLUICE_TRY(JsonService * service, service(kms, key.kms_key, thing));
  const nlohmann::json body = {
      {"KeyId", key.kms_key}, {"CiphertextBlob", key.wrapped}, {"EncryptionContext", {{context_name, context}}}};
  SLUICE_TRY(SecretAnswer answer, service->call("Decrypt", body.dump(), thing));
  if (!decode(answer.text("Plaintext"), out)) return odd(thing, "Decrypt", "without a secret of 32 bytes");
  return {};
}

Result<std::size_t> KeyServices::read_secret(const std::string& name, std::span<char> out) {
  const std::string thing = told_secret(name);
  SLUICE_TRY(JsonService * service, service(secrets_manager, name, thing));
  SLUICE_TRY(SecretAnswer answer, service->call("GetSecretValue", nlohmann::json{{"SecretId", name}}.dump(), thing));
  std::string_view text = answer.text("SecretString");
  if (text.empty()) text = answer.text("SecretBinary");
  if (text.size() > out.size()) {
    return fail(Fault::config, thing + " is longer than any key",
                "it holds 32 bytes in base64 or in hex, and nothing else: not a JSON object");
  }
  std::ranges::copy(text, out.begin());
  return text.size();
}

}  // namespace sluice::aws
