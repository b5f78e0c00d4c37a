#include "app/config/check_secret.h"

#include <fmt/format.h>

namespace hopscope::app {

void check_secret(const SecretSource& source, const std::string& key, const Check& check) {
  const std::size_t dot = key.rfind('.');
  const std::string section = key.substr(0, dot);
  const std::string name = key.substr(dot + 1);
  check(source.given(), section,
        fmt::format("needs {0}_file, the path of a file that has the {0}, or {0}_env", name));
  check(source.file.empty() || source.env.empty(), key + "_env",
        fmt::format("is there besides {}_file; one of them", name));
}

void check_secret_there(const SecretSource& source, const std::string& key, const Check& check) {
  if (source.file.empty() == source.env.empty()) return;  // told already
  try {
    (void)read_secret(source);
  } catch (const SecretError& error) {
    check(false, key + (source.file.empty() ? "_env" : "_file"), error.what());
  }
}

}  // namespace hopscope::app
