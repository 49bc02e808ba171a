#include "sluice/aws/service_options.hpp"

#include "sluice/aws/uri.hpp"

namespace sluice::aws {

Error wrong_setting(const Settings& settings, std::string_view name, std::string_view what, std::string_view hint) {
  const Setting* setting = settings.find(name);
  const Place& place = setting == nullptr ? settings.place : setting->place;
  return Error{Fault::config, place.text() + ": '" + std::string(name) + "' " + std::string(what), std::string(hint)};
}

namespace {

// A key in AWS is of a keyring, which says nothing of regions and endpoints: the environment does.
bool is_connection(const Settings& settings) { return !settings.values.empty() || !settings.place.file.empty(); }

// Of what stands in a connection, or, where there is none, in the environment.
Error wrong_endpoint(const Settings& settings, const EndpointWanted& wanted, std::string_view name,
                     std::string_view what, std::string_view hint) {
  if (is_connection(settings)) return wrong_setting(settings, name, what, hint);
  return Error{Fault::config, "the " + std::string(name) + " of " + wanted.what + " " + std::string(what),
               std::string(hint)};
}

}  // namespace

Result<CredentialsOptions> read_credentials(const Settings& settings) {
  CredentialsOptions options;
  options.profile = settings.text("profile");
  options.access_key_id_env = settings.text("access_key_id_env");
  options.secret_access_key_env = settings.text("secret_access_key_env");
  options.session_token_env = settings.text("session_token_env");
  SLUICE_TRY(options.anonymous, settings.boolean("anonymous", false));
  return options;
}

std::string ServiceEndpoint::domain() const {
  return region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
}

Result<ServiceEndpoint> read_endpoint(const Settings& settings, EndpointWanted wanted) {
  ServiceEndpoint endpoint{wanted.region, wanted.endpoint};
  if (std::string given = settings.text("endpoint"); !given.empty()) {
    endpoint.url = std::move(given);
  } else if (std::string around = endpoint_from_environment(wanted.service, wanted.profile); !around.empty()) {
    endpoint.url = std::move(around);
  }
  endpoint.own = !endpoint.url.empty();
  if (std::string given = settings.text("region"); !given.empty()) endpoint.region = std::move(given);
  if (endpoint.region.empty()) endpoint.region = region_from_environment(wanted.profile);
  if (endpoint.region.empty() && endpoint.own) endpoint.region = "us-east-1";
  if (endpoint.region.empty()) {
    return fail(Fault::config,
                (is_connection(settings) ? settings.place.text() + ": " : "") + "the region of " + wanted.what +
                    " is not known",
                is_connection(settings) ? "set region: on the connection, or AWS_REGION"
                                        : "set AWS_REGION, or name it by its ARN");
  }
  if (endpoint.region.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos) {
    return fail(wrong_endpoint(settings, wanted, "region", "is no AWS region", "write it as eu-central-1"));
  }
  if (!endpoint.own) return endpoint;
  while (endpoint.url.ends_with('/')) endpoint.url.pop_back();
  const auto url = split_url(endpoint.url);
  if (!url || !url->query.empty()) {
    return fail(wrong_endpoint(settings, wanted, "endpoint", "is not a URL",
                               "write it as https://HOST or http://localhost:4566"));
  }
  if (!url->https && !is_loopback(url->host) && !wanted.insecure) {
    return fail(wrong_endpoint(settings, wanted, "endpoint", "is plain http to " + std::string(url->host),
                               is_connection(settings) ? "use https, or set insecure: true on the connection"
                                                       : "use https in AWS_ENDPOINT_URL_" +
                                                             std::string(wanted.service) + " or AWS_ENDPOINT_URL"));
  }
  return endpoint;
}

}  // namespace sluice::aws
