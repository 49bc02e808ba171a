// Reads a keyring's JSON. The secrets are lifted out of the text before the JSON library sees it, because
// that one keeps copies in memory that nobody wipes, and quotes what it read in its errors.
#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "sluice/core/words.hpp"
#include "sluice/mask/base64url.hpp"
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

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

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

std::size_t skip(std::string_view text, std::size_t at, char wanted) {
  at = text.find_first_not_of(" \t\r\n", at);
  return at != std::string_view::npos && text[at] == wanted ? at + 1 : std::string_view::npos;
}

const Json* find(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

bool is_text(const Json* value) { return value != nullptr && value->is_string(); }

// "2026-01-31T12:00:00Z"
bool is_time(std::string_view text) {
  constexpr std::string_view shape = "dddd-dd-ddTdd:dd:ddZ";
  return std::ranges::equal(text, shape, [](char c, char of) { return of == 'd' ? c >= '0' && c <= '9' : c == of; });
}

}  // namespace

bool is_variable(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

class KeyringReader {
 public:
  KeyringReader(std::string_view place, std::span<char> text) : place_(place), text_(text) {}

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
    SLUICE_CHECK(known_names(key, {"id", "status", "created", "secret", "material_env"}, number));
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
    SLUICE_TRY(const std::size_t slot, read_material(key, facts));
    if (slot != no_slot) facts.check = keyring_.check_of(slot);
    if (facts.status != KeyStatus::disabled) {
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
  Result<std::size_t> read_material(const Json& key, KeyFacts& facts) {
    const Json* secret = find(key, "secret");
    const Json* variable = find(key, "material_env");
    if ((secret == nullptr) == (variable == nullptr)) {
      return wrong("key " + facts.id + ": one of \"secret\" and \"material_env\" must be there");
    }
    if (variable == nullptr) {
      if (!is_text(secret) || secret->get_ref<const std::string&>() != std::string(hex_size, lifted_mark) ||
          used_ >= lifted_) {
        return wrong("key " + facts.id + ": \"secret\" must be " + std::to_string(hex_size) + " hex digits (" +
                     std::to_string(Keyring::key_size) + " bytes)");
      }
      return used_++;
    }
    if (!is_text(variable) || !is_variable(variable->get_ref<const std::string&>())) {
      return wrong("key " + facts.id +
                   ": \"material_env\" must be the name of an environment variable, such as SLUICE_KEY");
    }
    facts.material_env = variable->get<std::string>();
    const char* value = std::getenv(facts.material_env.c_str());
    // A key that is not used may have no material any more.
    if (value == nullptr && facts.status == KeyStatus::disabled) return no_slot;
    const std::size_t slot = lifted_ + from_variables_++;
    if (auto read =
            read_variable(facts, value, keyring_.keys_.bytes().subspan(slot * Keyring::key_size, Keyring::key_size));
        !read) {
      return fail(std::move(read).error());
    }
    return slot;
  }

  // Base64 of either alphabet, or hex as in the file. No message repeats the value.
  Result<void> read_variable(const KeyFacts& facts, const char* value, std::span<std::uint8_t> out) const {
    const std::string what =
        "keyring " + place_ + ": key " + facts.id + ": the environment variable " + facts.material_env;
    const std::string hint = "it holds " + std::to_string(Keyring::key_size) +
                             " bytes in base64, as `openssl rand -base64 32` makes them, or in hex";
    if (value == nullptr) return fail(Fault::config, what + " is not set", hint);
    std::string_view text(value);
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

  std::string place_;
  std::span<char> text_;
  Keyring keyring_;
  std::set<std::string> seen_;
  std::size_t lifted_ = 0;
  std::size_t used_ = 0;  // of those that were lifted
  std::size_t from_variables_ = 0;
  std::size_t primaries_ = 0;
};

Result<Keyring> read_keyring(std::string_view place, std::span<char> text) { return KeyringReader(place, text).read(); }

Result<Keyring> Keyring::from_json(std::string_view json, std::string_view place) {
  SLUICE_TRY(SecretBytes copy, SecretBytes::make(std::max<std::size_t>(json.size(), 1)));
  std::ranges::copy(json, copy.text().begin());
  return read_keyring(place, copy.text().first(json.size()));
}

}  // namespace sluice::mask
