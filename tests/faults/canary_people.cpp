#include <nlohmann/json.hpp>

#include "canary_project.hpp"
#include "canary_search.hpp"

namespace sluice::faults {
namespace {

nlohmann::ordered_json person(const std::string& id) {
  const std::size_t n = std::hash<std::string>()(id) % 100000;
  const std::string number = std::to_string(100000 + n);
  return {{"id", id},
          {"name", mark + std::string(" Name-") + id},
          {"email", "zq7canary" + id + "@example.org"},
          {"ip", mark_ip + std::to_string(n % 250) + "." + std::to_string(n % 241)},
          {"device", mark_device + number},
          {"phone", mark_phone + number},
          {"born", mark_date + std::string(n % 2 == 0 ? "17" : "31")},
          {"card", std::stoll(mark_card + number)},
          {"note", mark + std::string("Note ") + id},
          {"age", 20 + n % 70}};
}

// With the JSON text `value` in one field.
std::string person_with(const std::string& id, const std::string& field, const std::string& value) {
  const auto json = person(id);
  std::string text = json.dump();
  const std::string old = "\"" + field + "\":" + json[field].dump();
  return text.replace(text.find(old), old.size(), value);
}

std::string quoted(const std::string& field, const std::string& value) { return "\"" + field + "\":\"" + value + "\""; }

}  // namespace

std::string one_person(const std::string& id) { return person(id).dump(); }

std::vector<std::string> people() {
  std::vector<std::string> out;
  const std::string canary(mark);
  for (int i = 0; i < 20; ++i) out.push_back(one_person("p" + std::to_string(i)));
  for (const FailingSql& one : failing_duckdb()) out.push_back(one_person(one.name));
  out.push_back(one_person("refused"));  // by a CHECK of the table
  out.push_back(person_with("v6", "ip", quoted("ip", std::string(mark_ip6) + "::1")));
  int i = 0;
  const auto with = [&](const std::string& field, const std::string& value) {
    out.push_back(person_with("w" + std::to_string(i++), field, value));
  };
  with("ip", quoted("ip", mark_ip + std::string("999.") + canary));
  with("ip", quoted("ip", std::string(mark_ip6) + "::1%eth0"));
  with("ip", "\"ip\":" + std::string("{\"") + canary + "\":\"" + canary + "\"}");
  with("device", quoted("device", canary));
  with("email", quoted("email", canary + " without at"));
  with("phone", quoted("phone", mark_phone + canary));
  with("phone", quoted("phone", "1" + canary));
  with("born", quoted("born", mark_date + std::string("32")));
  with("born", quoted("born", canary));
  with("card", "\"card\":" + std::string(mark_card) + "123456789012345678901");
  with("card", "\"card\":" + std::string(mark_card) + ".5");
  with("card", quoted("card", canary));
  with("card", "\"card\":[" + std::string(mark_card) + "]");
  with("age", quoted("age", canary));
  with("age", "\"age\":0");
  with("id", quoted("id", canary + "-which-is-longer-than-the-field"));
  with("id", "\"id\":{\"a\":\"" + canary + "\"}");
  with("name", "\"nome\":\"" + canary + "\"");
  with("name", quoted("name", canary) + ",\"name\":\"" + canary + "\"");
  with("name", quoted("name", canary + std::string(100, 'x')));
  with("name", quoted("name", canary + "\\u0000"));
  with("name", quoted("name", canary + "\\ud800"));
  with("name", quoted("name", canary + "\xff"));
  with("name", "\"name\":true");
  const std::string whole = one_person("cut");
  for (const std::size_t length : {whole.find(" Name-") + 2, whole.find("example.org"), whole.find(mark_ip) + 8,
                                   whole.find(mark_card) + 9, whole.size() - 1})
    out.push_back(whole.substr(0, length));
  out.push_back(whole + canary);
  out.push_back(whole + whole);
  out.push_back(canary + " is no JSON");
  out.push_back("\"" + canary + "\"");
  out.push_back("[\"" + canary + "\"]");
  return out;
}

std::vector<std::string> vault_people() {
  std::vector<std::string> out;
  const std::string canary(mark);
  for (int i = 0; i < 20; ++i) out.push_back(one_person("v" + std::to_string(i)));
  out.push_back(one_person("v3"));  // a key that is there
  out.push_back(person_with("same", "name", quoted("name", canary + " Name-v5")));
  out.push_back(person_with("phoned", "phone", "\"phone\":" + nlohmann::json::parse(one_person("v7"))["phone"].dump()));
  out.push_back(person_with("check", "name", quoted("name", canary + " checked")));
  out.push_back(person_with("stranger", "device", quoted("device", mark_device + std::string("-7"))));
  out.push_back(person_with("long", "email", quoted("email", canary + std::string(40, 'x') + "@example.org")));
  out.push_back(person_with("nothing", "note", "\"note\":null"));
  out.push_back(person_with("minus", "card", "\"card\":-" + std::string(mark_card)));
  out.push_back(one_person("context"));
  out.push_back(one_person("warned"));
  out.push_back(one_person("refused"));
  return out;
}

std::string people_csv() {
  std::string text = "id,name,email,ip,device,phone,born,card,note,age\n";
  const std::string canary(mark);
  const auto row = [](const nlohmann::ordered_json& one) {
    std::string line;
    for (const auto& [field, value] : one.items()) {
      const std::string cell = value.is_string() ? value.get<std::string>() : value.dump();
      line += (line.empty() ? "" : ",") + (field == "note" ? "\"" + cell + "\nand more\"" : cell);
    }
    return line;
  };
  for (int i = 0; i < 20; ++i) text += row(person("c" + std::to_string(i))) + "\n";
  for (const FailingSql& one : failing_duckdb()) text += row(person(one.name)) + "\n";
  for (const std::string field : {"email", "ip", "device", "phone", "born", "card", "age"}) {
    auto one = person("bad " + field);
    one[field] = canary;
    text += row(one) + "\n";
  }
  text += row(person("refused")) + "\n";
  const std::string good = row(person("c40"));
  text += "short," + canary + "\n";
  text += good + "," + canary + "\n";
  text += "c41,\"" + canary + "\"trailing" + good.substr(good.find(",zq7")) + "\n";
  text += "c42," + canary + "\xff\xfe" + good.substr(good.find(",zq7")) + "\n";
  text += "c43," + canary + std::string(1U << 20U, 'x') + good.substr(good.find(",zq7")) + "\n";
  return text;
}

Person marked_person() {
  return {mark + std::string("User"), mark_ip + std::string("2.3"), mark_device + std::string("9999"), mark};
}

Customers marked_customers() {
  return {mark + std::string("Ann"), mark + std::string("Bob"), mark + std::string("Cy")};
}

}  // namespace sluice::faults
