// For decode_test.py: prints tokens and a sealed payload made with a keyring, one JSON object a line.
#include <iostream>
#include <nlohmann/json.hpp>

#include "sluice/mask/canonical.hpp"
#include "sluice/mask/fixture.hpp"
#include "sluice/mask/mask.hpp"
#include "sluice/mask/seal.hpp"

namespace {

struct Value {
  std::string_view domain;
  sluice::mask::Form form;
  std::string_view written;
};

// A mask whose form is part of it.
struct Other {
  const char* function;
  sluice::mask::MaskArguments arguments;
  std::string value;
};

}  // namespace

int main(int count, char** arguments) {
  using namespace sluice::mask;
  if (count != 2) return 2;
  const auto keyring = Keyring::load(arguments[1]);
  if (!keyring) {
    std::cerr << keyring.error().text() << '\n';
    return 1;
  }
  const Value values[] = {{"ip", Form::ip, " 203.000.113.7"},
                          {"ip", Form::ip, "2001:DB8:0:0::1"},
                          {"client address", Form::ip, "::ffff:203.0.113.7"},
                          {"device", Form::device, "593-47-5928"},
                          {"device", Form::device, "F0:0D:CA:FE:00:01"},
                          {"email", Form::email, "Ann@Example.com"},
                          {"text", Form::text, "x"},
                          {"stra\xc3\x9f"
                           "e",
                           Form::text, "Ame\xcc\x81lie, who has a name of more than two blocks of AES"}};
  for (const char* function : {"mask_hmac", "mask_siv"}) {
    const MaskKind& kind = **find_mask(function);
    for (const Value& value : values) {
      std::string token;
      std::string canonical_bytes;
      std::string plain;
      const auto mask = make_mask(kind, &*keyring, {std::string(value.domain), std::string(to_string(value.form))});
      if (!mask || (*mask)->mask(value.written, token) != nullptr) return 1;
      if (!canonical(value.form, value.written, canonical_bytes) || !readable(value.form, canonical_bytes, plain))
        return 1;
      std::cout << nlohmann::json{{"function", kind.function},
                                  {"domain", value.domain},
                                  {"form", to_string(value.form)},
                                  {"token", token},
                                  {"canonical", to_hex(canonical_bytes)},
                                  {"value", plain}}
                << '\n';
    }
  }
  const Other others[] = {
      {"mask_ip", {}, "203.0.113.7"},
      {"mask_ip", {"d"}, "2001:db8::1"},
      {"mask_ip_prefix", {}, "203.0.113.7"},
      {"mask_ip_prefix", {"d"}, "2001:db8::1"},
      {"mask_fpe", {"ipv4"}, "203.0.113.7"},
      {"mask_fpe", {"0123456789", "-"}, "593-47-5928"},
      {"mask_fpe", {"ACGT", "", "d"}, "GATTACAGATTACA"},
      {"mask_fpe", {"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}, std::string(97, 'x')},
      {"mask_fernet", {}, "Am\xc3\xa9lie"},
      {"mask_fernet", {"d"}, ""},
      {"mask_fernet", {"legacy"}, "Am\xc3\xa9lie"},
      {"mask_seal", {}, "Am\xc3\xa9lie"},
      {"mask_seal", {"d"}, ""},
      {"mask_date_shift", {}, "2026-01-31\tu1"},
      {"mask_date_shift", {"30", "d"}, "2024-02-29\tAm\xc3\xa9lie"},
  };
  for (const Other& other : others) {
    const auto mask = make_mask(**find_mask(other.function), &*keyring, other.arguments);
    std::string token;
    if (!mask || (*mask)->mask(other.value, token) != nullptr) return 1;
    std::cout << nlohmann::json{{"function", other.function},
                                {"arguments", other.arguments},
                                {"token", token},
                                {"value", other.value}}
              << '\n';
  }
  Sealer sealer(*keyring);
  for (const char* payload : {"", "{\"user_id\": \"u1\"}"}) {
    std::cout << nlohmann::json{{"function", "seal"},
                                {"sealed", to_hex(sealer.seal(payload, "logins"))},
                                {"value", payload}}
              << '\n';
  }
}
