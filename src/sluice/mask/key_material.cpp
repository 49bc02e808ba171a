#include "sluice/mask/key_material.hpp"

#include <algorithm>
#include <cstdlib>

#include "sluice/mask/base64url.hpp"
#include "sluice/mask/keyring.hpp"
#include "sluice/mask/secret.hpp"

namespace sluice::mask {
namespace {

constexpr std::size_t secret_text_max = 256;  // 64 hex digits, and room to tell that it is too long
constexpr std::size_t wrapped_max = 8192;     // KMS takes 6144 bytes of a ciphertext

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_of(std::string_view text, std::size_t size_max, std::string_view others) {
  return !text.empty() && text.size() <= size_max && std::ranges::all_of(text, [&](char c) {
    return is_letter(c) || is_digit(c) || others.find(c) != std::string_view::npos;
  });
}

// A key as `openssl rand` prints it, put where its name belongs.
bool is_secret_itself(std::string_view text) {
  if (text.size() == 2 * Keyring::key_size) return std::ranges::all_of(text, [](char c) { return hex_value(c) >= 0; });
  constexpr std::size_t base64_size = (Keyring::key_size + 2) / 3 * 4;
  return text.size() == base64_size && text.ends_with('=');
}

}  // namespace

bool read_hex(std::string_view hex, std::span<std::uint8_t> out) {
  if (hex.size() != 2 * out.size()) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_value(hex[2 * i]);
    const int low = hex_value(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

Result<void> read_key_text(const std::string& what, std::string_view text, std::span<std::uint8_t> out) {
  const std::string hint = "it holds " + std::to_string(Keyring::key_size) +
                           " bytes in base64, as `openssl rand -base64 32` makes them, or in hex";
  if (text.empty()) return fail(Fault::config, what + " is empty", hint);
  if (read_hex(text, out)) return {};
  std::string letters(text.substr(0, text.find('=')));
  std::ranges::replace(letters, '+', '-');
  std::ranges::replace(letters, '/', '_');
  const std::size_t padding = text.size() - letters.size();
  const bool padded = text.substr(letters.size()).find_first_not_of('=') == std::string_view::npos &&
                      (padding == 0 || (padding < 3 && text.size() % 4 == 0));
  std::string bytes;
  const bool decoded = padded && base64url_decode(letters, bytes);
  const std::size_t size = bytes.size();
  if (decoded && size == out.size()) std::ranges::copy(bytes, out.begin());
  OPENSSL_cleanse(letters.data(), letters.size());
  OPENSSL_cleanse(bytes.data(), bytes.capacity());
  if (!decoded) return fail(Fault::config, what + " is not base64", hint);
  if (size != out.size()) {
    return fail(Fault::config,
                what + " holds " + std::to_string(size) + " bytes instead of " + std::to_string(out.size()), hint);
  }
  return {};
}

bool is_variable(std::string_view name) { return all_of(name, 255, "_") && !is_digit(name[0]); }
bool is_aws_secret(std::string_view name) { return all_of(name, 640, "/_+=.@-:") && !is_secret_itself(name); }
bool is_kms_key(std::string_view name) { return all_of(name, 512, ":/_-") && !is_secret_itself(name); }
bool is_kms_arn(std::string_view name) { return is_kms_key(name) && name.starts_with("arn:"); }
bool is_wrapped(std::string_view text) { return all_of(text, wrapped_max, "+/="); }
bool is_fernet_domain(std::string_view name) { return all_of(name, 64, "/_.-"); }

Result<void> read_material(const KeyFacts& key, std::string_view place, KeyVault* vault, std::span<std::uint8_t> out) {
  const std::string what = "keyring " + std::string(place) + ": key " + key.id;
  if (!key.material_env.empty()) {
    const std::string variable = what + ": the environment variable " + key.material_env;
    const char* value = std::getenv(key.material_env.c_str());
    if (value == nullptr) {
      return fail(Fault::config, variable + " is not set",
                  "set it: it holds " + std::to_string(Keyring::key_size) + " bytes in base64 or in hex");
    }
    return read_key_text(variable, value, out);
  }
  if (vault == nullptr) return fail(Fault::config, what + ": its secret stands in AWS, which is not asked here");
  if (!key.kms_key.empty()) {
    if (auto unwrapped = vault->unwrap(key, out); !unwrapped) return fail(std::move(unwrapped).error().within(what));
    return {};
  }
  SLUICE_TRY(SecretBytes text, SecretBytes::make(secret_text_max));
  const auto size = vault->read(key, text.text());
  if (!size) return fail(Error(size.error()).within(what));
  std::string_view trimmed(text.text().data(), *size);
  // Editors and `--secret-string file://` leave a line end behind.
  while (!trimmed.empty() && (trimmed.back() == '\n' || trimmed.back() == '\r' || trimmed.back() == ' '))
    trimmed.remove_suffix(1);
  return read_key_text(what + ": its secret in AWS (aws_secret)", trimmed, out);
}

}  // namespace sluice::mask
