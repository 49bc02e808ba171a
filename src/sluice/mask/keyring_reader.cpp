// Reads a keyring's JSON. The secrets are lifted out of the text before the JSON library sees it, because
// that one keeps copies in memory that nobody wipes, and quotes what it read in its errors.
#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "sluice/core/words.hpp"
#include "sluice/mask/keyring.hpp"
#include "sluice/mask/keyring_reader.hpp"

namespace sluice::mask {

namespace {

using Json = nlohmann::json;

constexpr std::size_t hex_size = 2 * Keyring::key_size;
constexpr std::size_t keys_max = 64;  // one page of memory holds 128
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

class KeyringReader {
 public:
  KeyringReader(std::string_view place, std::span<char> text) : place_(place), text_(text) {}

  Result<Keyring> read() {
    SLUICE_TRY(keyring_.keys_, SecretBytes::make(keys_max * Keyring::key_size));
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
    for (const Json& key : *keys) SLUICE_CHECK(add(key));
    if (added_ != lifted_) return wrong("a \"secret\" stands outside of the keys");
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
    const std::string number = "key " + std::to_string(added_ + 1) + " of the list";
    SLUICE_CHECK(known_names(key, {"id", "status", "created", "secret"}, number));
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
    const Json* secret = find(key, "secret");
    if (!is_text(secret) || secret->get_ref<const std::string&>() != std::string(hex_size, lifted_mark) ||
        added_ >= lifted_) {
      return wrong("key " + name + ": \"secret\" must be " + std::to_string(hex_size) + " hex digits (" +
                   std::to_string(Keyring::key_size) + " bytes)");
    }
    return place(name, find(key, "status"));
  }

  Result<void> place(const std::string& name, const Json* status) {
    const std::string word = is_text(status) ? status->get<std::string>() : "";
    // The secrets were lifted in the order of the keys.
    const std::size_t slot = added_++;
    if (word == "disabled") return {};
    if (word == "primary") {
      ++primaries_;
      keyring_.primary_ = keyring_.ids_.size();
    } else if (word != "enabled" && word != "decrypt-only") {
      return wrong("key " + name + ": \"status\" must be primary, enabled, decrypt-only or disabled");
    }
    const std::size_t to = keyring_.ids_.size();  // before `slot` where a disabled key was left out
    const auto keys = keyring_.keys_.bytes();
    std::memmove(keys.data() + to * Keyring::key_size, keys.data() + slot * Keyring::key_size, Keyring::key_size);
    keyring_.ids_.push_back(name);
    return {};
  }

  std::string place_;
  std::span<char> text_;
  Keyring keyring_;
  std::set<std::string> seen_;
  std::size_t lifted_ = 0;
  std::size_t added_ = 0;
  std::size_t primaries_ = 0;
};

Result<Keyring> read_keyring(std::string_view place, std::span<char> text) { return KeyringReader(place, text).read(); }

Result<Keyring> Keyring::from_json(std::string_view json, std::string_view place) {
  SLUICE_TRY(SecretBytes copy, SecretBytes::make(std::max<std::size_t>(json.size(), 1)));
  std::ranges::copy(json, copy.text().begin());
  return read_keyring(place, copy.text().first(json.size()));
}

}  // namespace sluice::mask
