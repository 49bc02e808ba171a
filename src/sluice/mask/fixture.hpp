// What the tests of this folder share: hex, a fixed keyring, the folder of published vectors.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "sluice/mask/keyring.hpp"
#include "sluice/mask/mask.hpp"

namespace sluice::mask {

inline std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

inline std::string to_hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) {
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4U];
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) & 15U];
  }
  return hex;
}

inline std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// 00 01 02 ... 1f is key k1, and ff fe ... e0 an older k2. docs/masks.md uses the same.
inline std::string keyring_json(std::string_view k1 = "primary", std::string_view k2 = "enabled") {
  std::string first;
  std::string second;
  for (int i = 0; i < 32; ++i) {
    first += static_cast<char>(i);
    second += static_cast<char>(255 - i);
  }
  return R"({"sluice_keyring": 1, "keys": [{"id": "k1", "status": ")" + std::string(k1) +
         R"(", "created": "2026-01-31T12:00:00Z", "secret": ")" + to_hex(first) + R"("}, {"id": "k2", "status": ")" +
         std::string(k2) + R"(", "created": "2025-01-31T12:00:00Z", "secret": ")" + to_hex(second) + R"("}]})";
}

inline Keyring keyring(std::string_view k1 = "primary", std::string_view k2 = "enabled") {
  auto made = Keyring::from_json(keyring_json(k1, k2), "test");
  if (!made) {
    ADD_FAILURE() << made.error().text();
    std::abort();
  }
  return std::move(*made);
}

inline std::unique_ptr<Mask> make(std::string_view function, const Keyring& ring, MaskArguments arguments,
                                  std::string_view key_id = {}) {
  const auto kind = find_mask(function);
  auto made = make_mask(**kind, &ring, std::move(arguments), key_id);
  if (!made) {
    ADD_FAILURE() << made.error().text();
    std::abort();
  }
  return std::move(*made);
}

// Where published vectors lie; empty if this machine does not have them.
inline std::filesystem::path vectors_folder() {
  const char* set = std::getenv("SLUICE_SHARED");
  const std::filesystem::path folder =
      (set != nullptr ? std::filesystem::path(set) : std::filesystem::path(SLUICE_SOURCE_DIR "/../shared")) / "vectors";
  return std::filesystem::exists(folder) ? folder : std::filesystem::path();
}

}  // namespace sluice::mask
