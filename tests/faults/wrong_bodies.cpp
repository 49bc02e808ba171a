#include "wrong_bodies.hpp"

namespace sluice::faults {
namespace {

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

std::string login_with(const Person& person, const std::string& field, const std::string& value) {
  std::string body = R"({"user_id": ")" + person.user + R"(", "app_version": "1.2.3", "device_type": "ios", "ip": ")" +
                     person.ip + R"(", "locale": null, "device_id": ")" + person.device + "\"}";
  const std::size_t at = body.find("\"" + field + "\": ") + field.size() + 4;
  std::size_t end = body.find(", \"", at);
  if (end == std::string::npos) end = body.size() - 1;
  return body.replace(at, end - at, value);
}

std::vector<std::string> wrong_bodies(const Person& person) {
  const auto with = [&](const std::string& field, const std::string& value) {
    return login_with(person, field, value);
  };
  const std::string& word = person.word;
  return {
      "",
      " \n\t ",
      "null",
      "[1, 2, \"" + word + "0\"]",
      "{\"ip\": \"" + person.ip + "\"",
      word + "2 \xff\xfe " + person.ip,
      with("user_id", "\"\xc3\x28\""),
      with("user_id", "\"" + person.user + "\\u0000b\""),
      with("user_id", "\"\\ud800" + person.user + "\""),
      with("user_id", "7"),
      with("user_id", "1" + repeated("0", 400)),
      with("user_id", "\"" + person.user + repeated("x", 129) + "\""),
      with("user_id", "\"" + repeated(word + "1", 1180000 / (word.size() + 1)) + "\""),
      with("user_id", "\"" + person.user + "\", \"user_id\": \"u-2\""),
      with("locale", repeated("[", 100000) + repeated("]", 100000)),
      with("ip", "\"256.1.1.1\""),
      with("ip", "\"" + word + "3\""),
      with("ip", "null"),
      with("app_version", "\"1.2.3.4\""),
      with("app_version", "\"1.1000\""),
      with("app_version", "\"" + word + "4\""),
  };
}

std::string big_body(const Person& person) {
  return login_with(person, "locale",
                    "null, \"more\": \"" + repeated(person.word + "5", 1040000 / (person.word.size() + 1)) + "\"");
}

}  // namespace sluice::faults
