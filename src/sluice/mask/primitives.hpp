// For tests: the primitives as functions of texts.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/mask/aes_siv.hpp"
#include "sluice/mask/ff1.hpp"
#include "sluice/mask/fixture.hpp"
#include "sluice/mask/hmac_sha256.hpp"

namespace sluice::mask {

inline std::string cmac(std::string_view key, std::string_view message) {
  AesCmac cmac(bytes_of(key));
  const Block block = cmac.mac(message);
  return {reinterpret_cast<const char*>(block.bytes), sizeof block.bytes};
}

inline std::string hmac(std::string_view key, std::string_view message) {
  std::array<std::uint8_t, HmacSha256::size> code;
  HmacSha256(bytes_of(key)).mac(message, code);
  return {reinterpret_cast<const char*>(code.data()), code.size()};
}

inline std::string hkdf(std::string_view key, std::string_view salt, std::string_view info, std::size_t size) {
  std::vector<std::uint8_t> out(size);
  hkdf_sha256(bytes_of(key), salt, info, out);
  return {out.begin(), out.end()};
}

inline void associate(AesSiv& siv, const std::vector<std::string>& components) {
  const std::vector<std::string_view> views(components.begin(), components.end());
  siv.associate(views);
}

inline std::string siv_encrypt(std::string_view key, const std::vector<std::string>& components,
                               std::string_view plain) {
  AesSiv siv(bytes_of(key));
  associate(siv, components);
  std::string sealed(AesSiv::tag_size + plain.size(), '\0');
  siv.encrypt(plain, reinterpret_cast<std::uint8_t*>(sealed.data()));
  return sealed;
}

inline bool siv_decrypt(std::string_view key, const std::vector<std::string>& components, std::string_view sealed,
                        std::string& plain) {
  AesSiv siv(bytes_of(key));
  associate(siv, components);
  return siv.decrypt(sealed, plain);
}

inline void expect_siv(std::string_view key, const std::vector<std::string>& components, std::string_view plain,
                       std::string_view sealed) {
  EXPECT_EQ(to_hex(siv_encrypt(key, components, plain)), to_hex(sealed));
  std::string back;
  EXPECT_TRUE(siv_decrypt(key, components, sealed, back));
  EXPECT_EQ(back, plain);
}

// Digits of an alphabet through FF1; empty where FF1 refuses them.
inline std::string ff1(std::string_view key, std::string_view alphabet, std::string_view tweak, std::string_view text,
                       bool encrypts) {
  std::vector<std::uint8_t> digits;
  for (const char c : text) digits.push_back(static_cast<std::uint8_t>(alphabet.find(c)));  // not there: 255
  Ff1 ff1(bytes_of(key), static_cast<unsigned>(alphabet.size()), tweak);
  if (!(encrypts ? ff1.encrypt(digits) : ff1.decrypt(digits))) return {};
  std::string out;
  for (const std::uint8_t digit : digits) out += alphabet[digit];
  return out;
}

}  // namespace sluice::mask
