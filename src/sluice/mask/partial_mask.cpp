// mask_partial: some characters at both ends, a star for each of the others.
#include "sluice/mask/mask_parts.hpp"
#include "sluice/mask/masks.hpp"

namespace sluice::mask {
namespace {

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }

class PartialMask final : public Mask {
 public:
  PartialMask(unsigned first, unsigned last) : first_(first), last_(last) {}

  // A value that is not longer than what is kept is hidden altogether.
  const char* mask(std::string_view value, std::string& out) override {
    out.clear();
    if (const char* refusal = canonicalize(Form::text, value, clear_.text)) return refusal;
    std::size_t count = 0;
    for (const char c : clear_.text) count += starts_character(c) ? 1U : 0U;
    const bool hidden = count <= std::size_t{first_} + last_;
    std::size_t number = 0;  // of the character, from 1
    for (const char c : clear_.text) {
      if (starts_character(c)) ++number;
      if (!hidden && (number <= first_ || number > count - last_)) {
        out += c;
      } else if (starts_character(c)) {
        out += '*';
      }
    }
    return nullptr;
  }

 private:
  unsigned first_;
  unsigned last_;
  Clear clear_;
};

}  // namespace

Made make_partial(const Keyring*, std::string_view, const MaskArguments& arguments) {
  SLUICE_TRY(const unsigned first, read_number("first", arguments[0], 0, 1000));
  SLUICE_TRY(const unsigned last, read_number("last", arguments[1], 0, 1000));
  return std::make_unique<PartialMask>(first, last);
}

}  // namespace sluice::mask
