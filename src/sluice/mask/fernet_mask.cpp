// mask_fernet: Fernet tokens, for exchange with Python and others. A Fernet key from elsewhere that the keyring holds
// for the domain writes in place of the primary key's, and each of them reads.
#include "sluice/core/clock.hpp"
#include "sluice/mask/fernet.hpp"
#include "sluice/mask/mask_parts.hpp"
#include "sluice/mask/masks.hpp"
#include "sluice/mask/random.hpp"

namespace sluice::mask {
namespace {

class FernetMask final : public Mask {
 public:
  // At least one.
  explicit FernetMask(std::vector<std::unique_ptr<Fernet>> keys) : keys_(std::move(keys)) {}

  // The value as it stands: tokens are never compared, so no form is needed.
  const char* mask(std::string_view value, std::string& out) override {
    return encrypt(value, static_cast<std::uint64_t>(system_clock().now_micros() / 1'000'000), out);
  }

  // A token keeps its time, by which others may judge it.
  const char* mask_again(std::string_view value, std::string_view old, std::string& out) override {
    out.clear();
    const auto time = Fernet::time_of(old);
    return time ? encrypt(value, *time, out) : "not_a_token";
  }

  const char* unmask(std::string_view token, std::string& out) override {
    std::uint64_t time = 0;
    const char* reason = nullptr;
    for (const auto& key : keys_) {
      reason = key->decrypt(token, out, time);
      if (reason == nullptr) return nullptr;
    }
    return reason;
  }

  bool made(std::string_view token) override { return keys_.front()->made(token); }

 private:
  const char* encrypt(std::string_view value, std::uint64_t time, std::string& out) {
    out.clear();
    if (!is_utf8(value)) return "not_utf8";
    keys_.front()->encrypt(value, time, ivs_.next(), out);
    return nullptr;
  }

  std::vector<std::unique_ptr<Fernet>> keys_;  // the first one writes
  RandomPieces<Fernet::iv_size> ivs_;
};

}  // namespace

Made make_fernet(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments) {
  SLUICE_CHECK(check_domain(arguments[0]));
  const SubKey<Fernet::key_size> own(*keyring, key_id, "fernet", arguments[0]);
  std::vector<std::unique_ptr<Fernet>> keys;
  bool writes = false;
  for (const KeyFacts* key : keyring->fernet_keys(arguments[0])) {
    Wiped<Fernet::key_size> bytes;
    keyring->copy_fernet(*key, bytes.bytes);
    keys.push_back(std::make_unique<Fernet>(bytes.bytes));
    writes |= key->status == KeyStatus::enabled;
  }
  // A key that is named, and is not the primary one, is what was asked for.
  const bool own_first = !writes || key_id != keyring->primary_id();
  keys.insert(own_first ? keys.begin() : keys.end(), std::make_unique<Fernet>(own.bytes));
  return std::make_unique<FernetMask>(std::move(keys));
}

}  // namespace sluice::mask
