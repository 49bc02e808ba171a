// mask_truncate_ip: the network of an address.
#include "sluice/mask/ip_address.hpp"
#include "sluice/mask/mask_parts.hpp"
#include "sluice/mask/masks.hpp"

namespace sluice::mask {
namespace {

class TruncateIpMask final : public Mask {
 public:
  TruncateIpMask(unsigned bits4, unsigned bits6) : bits4_(bits4), bits6_(bits6) {}

  const char* mask(std::string_view value, std::string& out) override {
    out.clear();
    IpBytes bytes;
    if (!parse_ip(trimmed(value), bytes)) return "invalid_ip";
    const std::size_t kept = is_ipv4(bytes) ? 96 + bits4_ : bits6_;
    for (std::size_t bit = kept; bit < 128; ++bit) {
      bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] & ~(0x80U >> bit % 8));
    }
    append_ip(bytes, out);
    return nullptr;
  }

 private:
  unsigned bits4_;
  unsigned bits6_;
};

}  // namespace

// All bits would be the address itself.
Made make_truncate_ip(const Keyring*, std::string_view, const MaskArguments& arguments) {
  SLUICE_TRY(const unsigned bits4, read_number("bits", arguments[0], 0, 31));
  SLUICE_TRY(const unsigned bits6, read_number("bits6", arguments[1], 0, 127));
  return std::make_unique<TruncateIpMask>(bits4, bits6);
}

}  // namespace sluice::mask
