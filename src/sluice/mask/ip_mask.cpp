// mask_ip and mask_ip_prefix: an address for an address, as ipcrypt-deterministic and ipcrypt-pfx
// (draft-denis-ipcrypt) say.
#include <algorithm>
#include <cstring>

#include "sluice/mask/ip_crypt.hpp"
#include "sluice/mask/mask_parts.hpp"
#include "sluice/mask/masks.hpp"

namespace sluice::mask {
namespace {

// Both read and write addresses alike; `Crypt` says what happens to the 16 bytes.
template <class Crypt>
class IpMask final : public Mask {
 public:
  explicit IpMask(std::span<const std::uint8_t, Crypt::key_size> key) : crypt_(key) {}

  const char* mask(std::string_view value, std::string& out) override {
    return change<true>(trimmed(value), out) ? nullptr : "invalid_ip";
  }
  const char* unmask(std::string_view token, std::string& out) override {
    return change<false>(token, out) ? nullptr : "invalid_ip";
  }

 private:
  template <bool encrypts>
  bool change(std::string_view text, std::string& out) {
    out.clear();
    IpBytes bytes;
    if (!parse_ip(text, bytes)) return false;
    if constexpr (encrypts) {
      crypt_.encrypt(bytes);
    } else {
      crypt_.decrypt(bytes);
    }
    append_ip(bytes, out);
    return true;
  }

  Crypt crypt_;
};

template <class Crypt>
Made make(std::string_view function, const Keyring& keyring, std::string_view key_id, const MaskArguments& arguments) {
  SLUICE_CHECK(check_domain(arguments[0]));
  const SubKey<Crypt::key_size> key(keyring, key_id, function, arguments[0]);
  return std::make_unique<IpMask<Crypt>>(key.bytes);
}

}  // namespace

Made make_ip(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments) {
  return make<IpCrypt>("ip", *keyring, key_id, arguments);
}

Made make_ip_prefix(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments) {
  return make<IpPrefixCrypt>("ip_prefix", *keyring, key_id, arguments);
}

}  // namespace sluice::mask
