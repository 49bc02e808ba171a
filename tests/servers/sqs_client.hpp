// A client of SQS for the scenarios of queue_server_test: the same calls by either protocol, with the
// answer in the shape of the JSON one.
#pragma once

#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <string>

#include "support/queue_server.hpp"

namespace sluice::servers {

using Json = nlohmann::json;

struct Answer {
  int status = 0;
  std::string error;  // as the query protocol names it
  Json body;

  bool ok() const { return status == 200; }
};

class SqsClient {
 public:
  SqsClient(std::string endpoint, bool json) : endpoint_(std::move(endpoint)), json_(json) {}

  Answer call(const std::string& action, const Json& parameters) const {
    return json_ ? call_json(action, parameters) : call_query(action, parameters);
  }

 private:
  Answer call_json(const std::string& action, const Json& parameters) const {
    const auto reply = support::http("POST", endpoint_ + "/", parameters.dump(),
                                     {"Content-Type: application/x-amz-json-1.0", "X-Amz-Target: AmazonSQS." + action});
    Answer answer{reply.status, {}, Json::parse(reply.body.empty() ? "{}" : reply.body, nullptr, false)};
    if (reply.status != 200) {
      const std::string name = "x-amzn-query-error: ";
      if (const auto at = reply.headers.find(name); at != std::string::npos)
        answer.error = reply.headers.substr(at + name.size(), reply.headers.find(';', at) - at - name.size());
      else
        answer.error = answer.body.value("__type", "");
    }
    return answer;
  }

  Answer call_query(const std::string& action, const Json& parameters) const {
    std::string form = "Action=" + action + "&Version=2012-11-05";
    for (const auto& [name, value] : parameters.items()) append(form, action, name, value);
    const auto reply =
        support::http("POST", endpoint_ + "/", form, {"Content-Type: application/x-www-form-urlencoded"});
    pugi::xml_document xml;
    xml.load_buffer(reply.body.data(), reply.body.size(), pugi::parse_default | pugi::parse_ws_pcdata_single);
    Answer answer{reply.status, {}, Json::object()};
    if (reply.status != 200) {
      answer.error = xml.child("ErrorResponse").child("Error").child_value("Code");
      return answer;
    }
    for (const auto part : xml.first_child().child((action + "Result").c_str()).children())
      read(part, action, answer.body);
    return answer;
  }

  static std::string escaped(const std::string& text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
      if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
        out += c;
      } else {
        out += '%';
        out += digits[static_cast<unsigned char>(c) >> 4U];
        out += digits[static_cast<unsigned char>(c) & 15U];
      }
    }
    return out;
  }

  // Parameters of the JSON protocol, flattened as the query protocol wants them.
  static void append(std::string& form, const std::string& action, const std::string& name, const Json& value) {
    const auto add = [&form](const std::string& key, const Json& plain) {
      form += "&" + key + "=" + escaped(plain.is_string() ? plain.get<std::string>() : plain.dump());
    };
    int index = 0;
    if (name == "Entries") {
      for (const Json& entry : value) {
        const std::string prefix = action + "RequestEntry." + std::to_string(++index) + ".";
        for (const auto& [key, part] : entry.items()) add(prefix + key, part);
      }
    } else if (name == "Attributes") {
      for (const auto& [key, part] : value.items()) {
        add("Attribute." + std::to_string(++index) + ".Name", key);
        add("Attribute." + std::to_string(index) + ".Value", part);
      }
    } else if (name == "MessageAttributes") {
      for (const auto& [key, part] : value.items()) {
        const std::string prefix = "MessageAttribute." + std::to_string(++index) + ".";
        add(prefix + "Name", key);
        for (const auto& [field, text] : part.items()) add(prefix + "Value." + field, text);
      }
    } else if (value.is_array()) {
      for (const Json& part : value) add(name.substr(0, name.size() - 1) + "." + std::to_string(++index), part);
    } else {
      add(name, value);
    }
  }

  static void read(pugi::xml_node part, const std::string& action, Json& out) {
    const std::string name = part.name();
    if (name == "Message") {
      Json message;
      for (const auto field : part.children()) {
        const std::string key = field.name();
        if (key == "Attribute")
          message["Attributes"][field.child_value("Name")] = field.child_value("Value");
        else if (key == "MessageAttribute")
          for (const auto value : field.child("Value").children())
            message["MessageAttributes"][field.child_value("Name")][value.name()] = value.child_value();
        else
          message[key] = field.child_value();
      }
      out["Messages"].push_back(message);
    } else if (name == "Attribute") {
      out["Attributes"][part.child_value("Name")] = part.child_value("Value");
    } else if (name == "BatchResultErrorEntry" || name == action + "ResultEntry") {
      Json entry;
      for (const auto field : part.children()) entry[field.name()] = field.child_value();
      out[name == "BatchResultErrorEntry" ? "Failed" : "Successful"].push_back(entry);
    } else {
      out[name] = part.child_value();
    }
  }

  std::string endpoint_;
  bool json_;
};

}  // namespace sluice::servers
