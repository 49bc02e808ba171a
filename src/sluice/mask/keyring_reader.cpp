// Reads a keyring's JSON. The secrets are lifted out of the text before the JSON library sees it, because
// that one keeps copies in memory that nobody wipes, and quotes what it read in its errors.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "sluice/core/words.hpp"
#include "sluice/mask/keyring.hpp"
#include "sluice/mask/keyring_reader.hpp"

namespace sluice::mask {

namespace {

using Json = nlohmann::json;

constexpr std::size_t hex_size = 2 * Keyring::key_size;
constexpr std::size_t keys_max = 64;  // one page of memory holds twice as many
constexpr std::string_view secret_name = "\"secret\"";
constexpr char lifted_mark = '#';  // a secret that was read is overwritten with this,
constexpr char wrong_mark = '!';   // and one that is no key with this

std::size_t skip(std::string_view text, std::size_t at, char wanted) {
  at = text.find_first_not_of(" \t\r\n", at);
  return at != std::string_view::npos && text[at] == wanted ? at + 1 : std::string_view::npos;
}

const Json* find(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

bool is_text(const Json* value) { return value != nullptr && value->is_string(); }

bool is_check(std::string_view text) {
  return text.size() == 16 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// "2026-01-31T12:00:00Z"
bool is_time(std::string_view text) {
  constexpr std::string_view shape = "dddd-dd-ddTdd:dd:ddZ";
  return std::ranges::equal(text, shape, [](char c, char of) { return of == 'd' ? c >= '0' && c <= '9' : c == of; });
}

}  // namespace

class KeyringReader {
 public:
  KeyringReader(std::string_view place, std::span<char> text, KeyVault* vault, Fetch fetch)
      : place_(place), text_(text), vault_(vault), fetch_(fetch) {}

  Result<Keyring> read() {
    SLUICE_TRY(keyring_.keys_, SecretBytes::make(2 * keys_max * Keyring::key_size));
    SLUICE_CHECK(lift_secrets());
    SLUICE_TRY(const Json json, parse());
    SLUICE_CHECK(known_names(json, {"sluice_keyring", "keys"}, "the keyring"));
    const Json* version = find(json, "sluice_keyring");
    if (version == nullptr || !version->is_number_integer() || *version != 1) {
      return wrong("\"sluice_keyring\" must be 1, the version of its layout");
    }
    const Json* keys = find(json, "keys");
    if (keys == nullptr || !keys->is_array() || keys->empty())
      return wrong("\"keys\" must be a list of at least one key");
    if (keys->size() > keys_max) return wrong("more than " + std::to_string(keys_max) + " keys");
    for (const Json& key : *keys) SLUICE_CHECK(add(key));
    if (used_ != lifted_) return wrong("a \"secret\" stands outside of the keys");
    if (primaries_ != 1) {
      return wrong("one key must have the status primary; " + std::to_string(primaries_) + " have it");
    }
    return std::move(keyring_);
  }

 private:
  tl::unexpected<Error> wrong(std::string_view what) const {
    return fail(
        Fault::config, "keyring " + place_ + ": " + std::string(what),
        "restore it from your copy; only for a project that has masked nothing yet, move it away and make a new "
        "one by `sluice keys init " +
            place_ + "`");
  }

  // Moves each secret into locked memory and overwrites it in the text.
  Result<void> lift_secrets() {
    const std::string_view text(text_.data(), text_.size());
    for (std::size_t at = 0; (at = text.find(secret_name, at)) != std::string_view::npos;) {
      at += secret_name.size();
      std::size_t start = skip(text, at, ':');
      if (start != std::string_view::npos) start = skip(text, start, '"');
      if (start == std::string_view::npos) continue;
      const std::size_t end = std::min(text.find('"', start), text.size());
      if (lifted_ == keys_max) return wrong("more than " + std::to_string(keys_max) + " keys");
      const auto slot = keyring_.keys_.bytes().subspan(lifted_++ * Keyring::key_size, Keyring::key_size);
      const bool read = read_hex(text.substr(start, end - start), slot);
      std::ranges::fill(text_.subspan(start, end - start), read ? lifted_mark : wrong_mark);
      at = end;
    }
    return {};
  }

  Result<Json> parse() const {
    std::vector<std::set<std::string>> names;  // by depth
    bool twice = false;
    const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
      const auto level = static_cast<std::size_t>(depth);
      if (event == Json::parse_event_t::object_start) {
        names.resize(std::max(names.size(), level + 2));
        names[level + 1].clear();
      } else if (event == Json::parse_event_t::key) {
        twice |= !names[level].insert(parsed.get<std::string>()).second;
      }
      return true;
    };
    try {
      Json json = Json::parse(text_.begin(), text_.end(), watch);
      if (twice) return wrong("a name stands twice in one object");
      return json;
    } catch (const Json::parse_error& error) {
      const auto line =
          1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(std::min(error.byte, text_.size())),
                         '\n');
      return wrong(text_.empty() ? "it is empty" : "not JSON, or cut off, at line " + std::to_string(line));
    } catch (const Json::exception&) {
      return wrong("not JSON");
    }
  }

  Result<void> known_names(const Json& object, std::vector<std::string> known, const std::string& what) const {
    if (!object.is_object()) return wrong(what + " must be an object { ... }");
    for (const auto& item : object.items()) {
      if (std::ranges::find(known, item.key()) != known.end()) continue;
      return wrong(what + " holds a name that is not known; known are " + join(known, ", "));
    }
    return {};
  }

  Result<void> add(const Json& key) {
    const std::string number = "key " + std::to_string(keyring_.all_.size() + 1) + " of the list";
    SLUICE_CHECK(known_names(key,
                             {"id", "status", "created", "secret", "material_env", "aws_secret", "kms_key", "wrapped",
                              "check", "fernet_domain"},
                             number));
    const Json* id = find(key, "id");
    if (!is_text(id) || !is_key_id(id->get_ref<const std::string&>())) {
      return wrong(number + ": \"id\" must be k and a number, such as k1");
    }
    const auto& name = id->get_ref<const std::string&>();
    if (!seen_.insert(name).second) return wrong("two keys have the id " + name);
    const Json* created = find(key, "created");
    if (!is_text(created) || !is_time(created->get_ref<const std::string&>())) {
      return wrong("key " + name + ": \"created\" must be a time such as 2026-01-31T12:00:00Z");
    }
    KeyFacts facts{name, KeyStatus::disabled, created->get<std::string>()};
    SLUICE_CHECK(read_status(key, facts));
    SLUICE_TRY(const std::size_t slot, read_secret(key, facts));
    if (!facts.fernet_domain.empty()) {
      const bool enabled = facts.status == KeyStatus::enabled;
      if (facts.status == KeyStatus::primary) return wrong("key " + name + " is a Fernet key and cannot be primary");
      if (enabled && !fernet_enabled_.insert(facts.fernet_domain).second)
        return wrong("two Fernet keys of the domain " + facts.fernet_domain + " are enabled");
    } else if (facts.status != KeyStatus::disabled) {
      if (facts.status == KeyStatus::primary) {
        ++primaries_;
        keyring_.primary_ = keyring_.ids_.size();
      }
      keyring_.ids_.push_back(name);
      keyring_.slots_.push_back(slot);
    }
    keyring_.all_.push_back(std::move(facts));
    keyring_.all_slots_.push_back(slot);
    return {};
  }

  Result<void> read_status(const Json& key, KeyFacts& facts) const {
    const Json* status = find(key, "status");
    const std::string word = is_text(status) ? status->get<std::string>() : "";
    for (const KeyStatus known :
         {KeyStatus::primary, KeyStatus::enabled, KeyStatus::decrypt_only, KeyStatus::disabled}) {
      if (word != to_string(known)) continue;
      facts.status = known;
      return {};
    }
    return wrong("key " + facts.id + ": \"status\" must be primary, enabled, decrypt-only or disabled");
  }

  // Where the key's bytes stand. Inline secrets were lifted in the order of the keys; the others come behind them.
  Result<std::size_t> read_secret(const Json& key, KeyFacts& facts) {
    SLUICE_CHECK(read_place(key, facts));
    if (find(key, "secret") != nullptr) {
      if (*find(key, "secret") != std::string(hex_size, lifted_mark) || used_ >= lifted_) {
        return wrong("key " + facts.id + ": \"secret\" must be " + std::to_string(hex_size) + " hex digits (" +
                     std::to_string(Keyring::key_size) + " bytes)");
      }
      facts.check = check_value(keyring_.key_in(used_));
      return used_++;
    }
    // A key that is not used may have no material any more, and one that is may have lost its variable: then it can be
    // looked at, and disabled.
    const bool may_lack = facts.status == KeyStatus::disabled || fetch_ == Fetch::none;
    if (facts.in_aws() && may_lack) return no_slot;
    const std::size_t slot = lifted_ + from_elsewhere_;
    const auto bytes = keyring_.keys_.bytes().subspan(slot * Keyring::key_size, Keyring::key_size);
    if (auto read = read_material(facts, place_, vault_, bytes); !read) {
      if (may_lack) return no_slot;
      if (!facts.in_aws()) read.error().hint += if_lost(facts);
      return fail(std::move(read).error());
    }
    ++from_elsewhere_;
    const std::string check = check_value(bytes);
    if (!facts.check.empty() && facts.check != check) {
      return fail(Fault::config, "keyring " + place_ + ": key " + facts.id + ": AWS holds another secret than it did",
                  "put back the one it was made with (its check value is " + facts.check +
                      "); a new secret wants a new key: sluice keys add");
    }
    facts.check = check;
    return slot;
  }

  // What to do where a key's variable cannot be had any more.
  std::string if_lost(const KeyFacts& key) const {
    const std::string disable = "sluice keys disable " + place_ + " " + key.id;
    if (key.status != KeyStatus::primary) return "; where it is lost: " + disable;
    return "; where it is lost: sluice keys add " + place_ + ", promote the new key, and " + disable;
  }

  Result<void> read_place(const Json& key, KeyFacts& facts) const {
    int places = 0;
    for (const char* name : {"secret", "material_env", "aws_secret", "kms_key"}) places += key.contains(name) ? 1 : 0;
    if (places != 1) {
      return wrong("key " + facts.id +
                   ": one of \"secret\", \"material_env\", \"aws_secret\" and \"kms_key\" must be there");
    }
    const auto take = [&](const char* name, std::string& to, bool (*is_one)(std::string_view)) {
      const Json* value = find(key, name);
      if (value == nullptr) return true;
      if (!value->is_string() || !is_one(value->get_ref<const std::string&>())) return false;
      to = value->get<std::string>();
      return true;
    };
    const auto must_be = [&](const char* name, const char* what) {
      return wrong("key " + facts.id + ": \"" + name + "\" must be " + what);
    };
    if (!take("material_env", facts.material_env, is_variable))
      return must_be("material_env", "the name of an environment variable, such as SLUICE_KEY");
    if (!take("aws_secret", facts.aws_secret, is_aws_secret))
      return must_be("aws_secret", "the name or ARN of a secret in AWS Secrets Manager");
    if (!take("kms_key", facts.kms_key, is_kms_arn)) return must_be("kms_key", "the ARN of a key of AWS KMS");
    if (!take("wrapped", facts.wrapped, is_wrapped) || facts.wrapped.empty() != facts.kms_key.empty())
      return must_be("wrapped", "what KMS gave with the key, in base64, beside \"kms_key\" alone");
    if (!take("fernet_domain", facts.fernet_domain, is_fernet_domain))
      return must_be("fernet_domain", "a domain of letters, digits and / _ . -");
    if (!take("check", facts.check, is_check) || (!facts.check.empty() && !facts.in_aws()))
      return must_be("check", "16 hex digits, of a key whose secret stands in AWS");
    return {};
  }

  std::string place_;
  std::span<char> text_;
  KeyVault* vault_;
  Fetch fetch_;
  Keyring keyring_;
  std::set<std::string> seen_;
  std::set<std::string> fernet_enabled_;  // domains
  std::size_t lifted_ = 0;
  std::size_t used_ = 0;  // of those that were lifted
  std::size_t from_elsewhere_ = 0;
  std::size_t primaries_ = 0;
};

Result<Keyring> read_keyring(std::string_view place, std::span<char> text, KeyVault* vault, Fetch fetch) {
  return KeyringReader(place, text, vault, fetch).read();
}

Result<Keyring> Keyring::from_json(std::string_view json, std::string_view place, KeyVault* vault) {
  SLUICE_TRY(SecretBytes copy, SecretBytes::make(std::max<std::size_t>(json.size(), 1)));
  std::ranges::copy(json, copy.text().begin());
  return read_keyring(place, copy.text().first(json.size()), vault);
}

}  // namespace sluice::mask
