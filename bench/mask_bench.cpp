// How many values a second each mask does on one core, from text to token; and OpenSSL's own AES-SIV through EVP.
//
//   mask_bench              prints the names of what can be measured
//   mask_bench NAME         works for about half a second; prints values per second
#include <openssl/evp.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "sluice/mask/base64url.hpp"
#include "sluice/mask/mask.hpp"

namespace {

using namespace sluice;

constexpr std::size_t values_count = 50'000;

std::vector<std::string> addresses() {
  std::mt19937_64 random(1);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < values_count; ++i) {
    std::string text;
    for (int part = 0; part < 4; ++part) text += (part == 0 ? "" : ".") + std::to_string(random() % 256);
    out.push_back(text);
  }
  return out;
}

std::vector<std::string> numbers(std::size_t digits) {
  std::mt19937_64 random(2);
  std::vector<std::string> out(values_count, std::string(digits, ' '));
  for (std::string& text : out) {
    for (char& c : text) c = static_cast<char>('0' + random() % 10);
  }
  return out;
}

std::vector<std::string> emails() {
  std::vector<std::string> out = numbers(8);
  for (std::string& text : out) text = "ann." + text + "@example.com";
  return out;
}

std::vector<std::string> dated() {
  std::vector<std::string> out = numbers(8);
  for (std::string& text : out) text = "2026-01-31\t" + text;
  return out;
}

struct Row {
  const char* name;
  const char* function;
  mask::MaskArguments arguments;
  std::vector<std::string> (*values)();
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {"mask_hmac", "mask_hmac", {"ip"}, addresses},
      {"mask_siv", "mask_siv", {"ip"}, addresses},
      {"mask_siv email", "mask_siv", {"email"}, emails},
      {"mask_ip", "mask_ip", {}, addresses},
      {"mask_ip_prefix", "mask_ip_prefix", {}, addresses},
      {"mask_fpe ipv4", "mask_fpe", {"ipv4"}, addresses},
      {"mask_fpe 9 digits", "mask_fpe", {"digits"}, [] { return numbers(9); }},
      {"mask_fpe 16 digits", "mask_fpe", {"digits"}, [] { return numbers(16); }},
      {"mask_fernet", "mask_fernet", {}, addresses},
      {"mask_seal", "mask_seal", {}, addresses},
      {"mask_date_shift", "mask_date_shift", {}, dated},
      {"mask_sha256", "mask_sha256", {"salt"}, addresses},
      {"mask_partial", "mask_partial", {"2", "2"}, addresses},
      {"mask_redact", "mask_redact", {}, addresses},
      {"mask_truncate_ip", "mask_truncate_ip", {"24"}, addresses},
      {"mask_email", "mask_email", {}, emails},
  };
  return all;
}

// Calls `one` on each value, over and over; gives values per second.
double measure(const std::vector<std::string>& values, const std::function<void(std::string_view)>& one) {
  using Clock = std::chrono::steady_clock;
  for (const std::string& value : values) one(value);  // grows what is kept
  const auto start = Clock::now();
  std::size_t done = 0;
  double seconds = 0;
  while (seconds < 0.5) {
    for (const std::string& value : values) one(value);
    done += values.size();
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  return static_cast<double>(done) / seconds;
}

// AES-256-SIV as a user of OpenSSL writes it: one context, its key set for each value, as it must be.
double openssl_siv() {
  const std::vector<std::string> values = addresses();
  EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, "AES-256-SIV", nullptr);
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  std::uint8_t key[64];
  for (std::size_t i = 0; i < sizeof key; ++i) key[i] = static_cast<std::uint8_t>(i);
  std::uint8_t sealed[64];
  std::string token;
  const double speed = measure(values, [&](std::string_view value) {
    int size = 0;
    bool ok = EVP_EncryptInit_ex2(context, cipher, key, nullptr, nullptr) == 1;
    ok = ok && EVP_EncryptUpdate(context, sealed + 16, &size, reinterpret_cast<const std::uint8_t*>(value.data()),
                                 static_cast<int>(value.size())) == 1;
    int more = 0;
    ok = ok && EVP_EncryptFinal_ex(context, sealed + 16 + size, &more) == 1;
    ok = ok && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, sealed) == 1;
    if (!ok) std::abort();
    token.resize(mask::base64url_size(16 + value.size()));
    mask::base64url_encode({sealed, 16 + value.size()}, token.data());
  });
  EVP_CIPHER_CTX_free(context);
  EVP_CIPHER_free(cipher);
  return speed;
}

double speed_of(const Row& row) {
  const auto keyring = mask::Keyring::from_json(
      R"({"sluice_keyring": 1, "keys": [{"id": "k1", "status": "primary", "created": "2026-01-31T12:00:00Z", )"
      R"("secret": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}]})",
      "bench");
  if (!keyring) std::abort();
  const auto mask = mask::make_mask(**mask::find_mask(row.function), &*keyring, row.arguments);
  if (!mask) std::abort();
  std::string token;
  return measure(row.values(), [&](std::string_view value) {
    if ((*mask)->mask(value, token) != nullptr) std::abort();
  });
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    for (const Row& row : rows()) std::puts(row.name);
    std::puts("OpenSSL AES-SIV");
    return 0;
  }
  for (const Row& row : rows()) {
    if (std::strcmp(row.name, arguments[1]) == 0) return std::printf("%.0f\n", speed_of(row)) > 0 ? 0 : 1;
  }
  if (std::strcmp(arguments[1], "OpenSSL AES-SIV") == 0) return std::printf("%.0f\n", openssl_siv()) > 0 ? 0 : 1;
  std::fprintf(stderr, "there is nothing called %s to measure\n", arguments[1]);
  return 2;
}
