// mask_fpe: the same length and alphabet, by FF1.
#include <algorithm>
#include <cmath>

#include "sluice/mask/alphabet.hpp"
#include "sluice/mask/ff1.hpp"
#include "sluice/mask/ip_address.hpp"
#include "sluice/mask/mask_parts.hpp"
#include "sluice/mask/masks.hpp"

namespace sluice::mask {
namespace {

constexpr std::size_t key_size = 32;
constexpr double domain_min = 1'000'000;  // SP 800-38G revision 1: smaller domains can be searched by chosen values
constexpr std::size_t length_max = 1024;  // of a value: time grows with the square of it

class FpeMask final : public Mask {
 public:
  FpeMask(std::span<const std::uint8_t> key, Alphabet alphabet, std::string_view keep)
      : alphabet_(std::move(alphabet)), ff1_(key, alphabet_.radix(), {}) {
    for (const char c : keep) kept_[static_cast<unsigned char>(c)] = true;
    double domain = 1;
    for (; domain < domain_min; domain *= alphabet_.radix()) ++digits_min_;
  }

  const char* mask(std::string_view value, std::string& out) override {
    return change([this](std::span<std::uint8_t> digits) { return ff1_.encrypt(digits); }, trimmed(value), out);
  }
  const char* unmask(std::string_view token, std::string& out) override {
    return change([this](std::span<std::uint8_t> digits) { return ff1_.decrypt(digits); }, token, out);
  }

 private:
  template <class Change>
  const char* change(Change step, std::string_view text, std::string& out) {
    out.clear();
    if (text.size() > length_max) return "too_long";
    std::uint8_t digits[length_max];
    std::size_t count = 0;
    for (const char c : text) {
      if (kept_[static_cast<unsigned char>(c)]) continue;
      digits[count] = alphabet_.digit(c);
      if (digits[count++] == Alphabet::no_digit) return "outside_alphabet";
    }
    if (count < digits_min_) return "too_short";
    step(std::span(digits, count));
    out.assign(text);
    const std::uint8_t* next = digits;
    for (char& c : out) {
      if (!kept_[static_cast<unsigned char>(c)]) c = alphabet_.character(*next++);
    }
    OPENSSL_cleanse(digits, count);
    return nullptr;
  }

  Alphabet alphabet_;
  Ff1 ff1_;
  std::array<bool, 256> kept_{};
  std::size_t digits_min_ = 0;
};

// An IPv4 address as four digits of radix 256: each result is an address again.
class Ipv4Mask final : public Mask {
 public:
  explicit Ipv4Mask(std::span<const std::uint8_t> key) : ff1_(key, 256, {}) {}

  const char* mask(std::string_view value, std::string& out) override {
    return change([this](std::span<std::uint8_t> digits) { ff1_.encrypt(digits); }, trimmed(value), out);
  }
  const char* unmask(std::string_view token, std::string& out) override {
    return change([this](std::span<std::uint8_t> digits) { ff1_.decrypt(digits); }, token, out);
  }

 private:
  template <class Change>
  const char* change(Change step, std::string_view text, std::string& out) {
    out.clear();
    IpBytes bytes;
    if (!parse_ip(text, bytes)) return "invalid_ip";
    if (!is_ipv4(bytes)) return "not_ipv4";
    step(std::span(bytes).last(4));
    append_ip(bytes, out);
    return nullptr;
  }

  Ff1 ff1_;
};

}  // namespace

Made make_fpe(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments) {
  const std::string& keep = arguments[1];
  SLUICE_CHECK(check_domain(arguments[2]));
  if (arguments[0] == "ipv4") {
    if (!keep.empty()) return fail(Fault::config, "an address keeps no characters");
    return std::make_unique<Ipv4Mask>(SubKey<key_size>(*keyring, key_id, "fpe/ipv4", arguments[2]).bytes);
  }
  SLUICE_TRY(Alphabet alphabet, Alphabet::read(arguments[0]));
  for (const char c : keep) {
    if (c < ' ' || c > '~') return fail(Fault::config, "characters to keep are printable ASCII");
    if (alphabet.digit(c) != Alphabet::no_digit)
      return fail(Fault::config, "a character to keep is one of the alphabet, and would not be masked");
  }
  const SubKey<key_size> key(*keyring, key_id, "fpe/" + alphabet.characters(), arguments[2]);
  return std::make_unique<FpeMask>(key.bytes, std::move(alphabet), keep);
}

}  // namespace sluice::mask
