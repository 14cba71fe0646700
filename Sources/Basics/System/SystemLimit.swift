import Foundation

/// The soft limit of a resource, such as `RLIMIT_AS`; nil where there is none.
package func systemLimit(_ resource: __rlimit_resource) -> Int? {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0, limit.rlim_cur < rlim_t(Int.max)
  else { return nil }
  return Int(limit.rlim_cur)
}
