// mask_fernet: Fernet tokens, for exchange with Python and others.
#include "sluice/core/clock.hpp"
#include "sluice/mask/fernet.hpp"
#include "sluice/mask/mask_parts.hpp"
#include "sluice/mask/masks.hpp"
#include "sluice/mask/random.hpp"

namespace sluice::mask {
namespace {

class FernetMask final : public Mask {
 public:
  explicit FernetMask(std::span<const std::uint8_t, Fernet::key_size> key) : fernet_(key) {}

  // The value as it stands: tokens are never compared, so no form is needed.
  const char* mask(std::string_view value, std::string& out) override {
    out.clear();
    if (!is_utf8(value)) return "not_utf8";
    const auto seconds = static_cast<std::uint64_t>(system_clock().now_micros() / 1'000'000);
    fernet_.encrypt(value, seconds, ivs_.next(), out);
    return nullptr;
  }

  const char* unmask(std::string_view token, std::string& out) override {
    std::uint64_t time = 0;
    return fernet_.decrypt(token, out, time);
  }

 private:
  Fernet fernet_;
  RandomPieces<Fernet::iv_size> ivs_;
};

}  // namespace

Made make_fernet(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments) {
  SLUICE_CHECK(check_domain(arguments[0]));
  const SubKey<Fernet::key_size> key(*keyring, key_id, "fernet", arguments[0]);
  return std::make_unique<FernetMask>(key.bytes);
}

}  // namespace sluice::mask
