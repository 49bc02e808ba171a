#include "support/key_server.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace sluice::support {

std::unique_ptr<KeyServer> KeyServer::start(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{SLUICE_KEY_SERVER, "--port", "0"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return std::unique_ptr<KeyServer>(new KeyServer(start_server(words)));
}

KeyServer::~KeyServer() { end_server(server_.pid); }

std::map<std::string, std::optional<std::string>> KeyServer::environment() const {
  return {{"AWS_ENDPOINT_URL_KMS", endpoint()}, {"AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint()},
          {"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"}, {"AWS_SECRET_ACCESS_KEY", "secret"},
          {"AWS_REGION", "eu-central-1"},       {"AWS_SESSION_TOKEN", std::nullopt},
          {"AWS_PROFILE", std::nullopt}};
}

std::string KeyServer::control(std::string_view method, const std::string& path, std::string_view body) const {
  HttpReply reply = http(method, endpoint() + "/_control" + path, body);
  if (reply.status != 200) throw std::runtime_error("the key server refused " + path + ": " + reply.body);
  return std::move(reply.body);
}

void KeyServer::kms_key(std::string_view id, std::string_view state) const {
  control("POST", "/key?id=" + std::string(id) + "&state=" + std::string(state));
}
void KeyServer::secret(std::string_view name, std::string_view value, bool binary) const {
  control("POST", "/secret?name=" + std::string(name) + (binary ? "&binary=1" : ""), value);
}
void KeyServer::fault(std::string_view name, std::string_view parameters) const {
  control("POST", "?fault=" + std::string(name) + "&" + std::string(parameters));
}
void KeyServer::clear_faults() const { control("DELETE", ""); }
std::map<std::string, int> KeyServer::calls() const {
  return nlohmann::json::parse(control("GET", "/calls")).get<std::map<std::string, int>>();
}

}  // namespace sluice::support
