#include "support/object_server.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace sluice::support {
namespace {

std::map<std::string, std::uint64_t> numbers_of(const nlohmann::json& object) {
  std::map<std::string, std::uint64_t> numbers;
  for (const auto& [name, value] : object.items())
    if (value.is_number()) numbers[name] = value.get<std::uint64_t>();
  return numbers;
}

std::string encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
  return out;
}

}  // namespace

std::uint64_t ObjectStats::called(const std::string& action) const {
  const auto found = calls.find(action);
  return found == calls.end() ? 0 : found->second;
}

std::unique_ptr<ObjectServer> ObjectServer::start(const std::string& bucket,
                                                  const std::vector<std::string>& arguments) {
  std::vector<std::string> words{SLUICE_OBJECT_SERVER, "--port", "0", "--bucket", bucket};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return std::unique_ptr<ObjectServer>(new ObjectServer(start_server(words), bucket));
}

std::unique_ptr<ObjectServer> ObjectServer::start_fauxqs(const std::string& bucket) {
  const auto server = support::start_fauxqs();
  if (!server) return nullptr;
  auto made = std::unique_ptr<ObjectServer>(new ObjectServer(*server, bucket));
  if (http("PUT", made->endpoint() + "/" + bucket).status != 200) return nullptr;
  return made;
}

ObjectServer::~ObjectServer() { end_server(server_.pid); }

std::string ObjectServer::control(std::string_view method, const std::string& path, std::string_view body) const {
  HttpReply reply = http(method, endpoint() + "/_control" + path, body);
  if (reply.status != 200) throw std::runtime_error("the object server refused " + path + ": " + reply.body);
  return std::move(reply.body);
}

std::string ObjectServer::place(std::string_view key) const { return "bucket=" + bucket_ + "&key=" + encoded(key); }

void ObjectServer::fault(std::string_view name, std::string_view parameters) const {
  control("POST", "?fault=" + std::string(name) + "&" + std::string(parameters));
}
void ObjectServer::clear_faults() const { control("DELETE", ""); }
void ObjectServer::put(std::string_view key, std::string_view bytes) const {
  control("POST", "/put?" + place(key), bytes);
}
void ObjectServer::put_many(std::string_view prefix, std::uint64_t count, std::string_view bytes) const {
  control("POST", "/many?" + place(prefix) + "&count=" + std::to_string(count), bytes);
}
void ObjectServer::put_repeated(std::string_view key, std::string_view bytes, std::uint64_t times) const {
  control("POST", "/repeat?" + place(key) + "&times=" + std::to_string(times), bytes);
}
std::string ObjectServer::get(std::string_view key) const { return control("GET", "/get?" + place(key)); }
void ObjectServer::advance(int seconds) const { control("POST", "/advance?seconds=" + std::to_string(seconds)); }
void ObjectServer::reset() const { control("POST", "/reset?bucket=" + bucket_); }

ObjectStats ObjectServer::stats() const {
  const nlohmann::json json = nlohmann::json::parse(control("GET", "/stats"));
  return {numbers_of(json), numbers_of(json.at("calls")), numbers_of(json.at("faults"))};
}

std::vector<std::string> ObjectServer::log() const {
  const std::string text = control("GET", "/log");
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace sluice::support
