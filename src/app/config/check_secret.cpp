#include "app/config/check_secret.h"

#include <fmt/format.h>

#include "base/assert.h"

namespace hopscope::app {

void check_secret(const SecretSource& source, const std::string& key, const CheckReporter& check) {
  const std::size_t dot = key.rfind('.');
  HOPSCOPE_ASSERT(dot != std::string::npos);
  const std::string section = key.substr(0, dot);
  const std::string name = key.substr(dot + 1);
  check(source.given(), section,
        fmt::format("needs {0}_file, the path of a file that has the {0}, or {0}_env", name));
  check(source.file.empty() || source.env.empty(), key + "_env",
        fmt::format("is set and so is {}_file; set only one", name));
}

void check_secret_there(const SecretSource& source, const std::string& key,
                        const CheckReporter& check) {
  if (source.file.empty() == source.env.empty()) return;  // check_secret() reports it
  try {
    (void)read_secret(source);
  } catch (const SecretError& error) {
    check(false, key + (source.file.empty() ? "_env" : "_file"), error.what());
  }
}

}  // namespace hopscope::app
