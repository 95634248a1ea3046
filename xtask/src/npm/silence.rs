//! Takes the printing of panics out of the module: in a browser it has no place to go.

use walrus::{FunctionBuilder, FunctionId, FunctionKind, Module};

/// Functions that only print why the module is about to stop. With their bodies goes what they alone print with, a quarter
/// of the module; what is left of a panic is what it ends in anyhow, a trap that JavaScript sees as a RuntimeError.
const PRINTING: [&str; 12] = [
    "core::panicking::",
    "core::option::expect_failed",
    "core::option::unwrap_failed",
    "core::result::unwrap_failed",
    "core::str::slice_error_fail",
    "core::slice::index::slice_index_fail",
    "core::cell::panic_already",
    "std::panicking::",
    "<std::panicking::",
    // What only they print with, and what only tables name once they are gone.
    "core::fmt::",
    "<core::fmt::",
    // Core writes only what has a JSON form.
    "<serde_json::error::Error as serde_core::ser::Error>::custom",
];

/// Lets every one of these functions trap at once.
pub(crate) fn silence(module: &mut Module) {
    let printing: Vec<FunctionId> = module
        .funcs
        .iter_local()
        .map(|(id, _)| id)
        .filter(|id| prints(module.funcs.get(*id).name.as_deref()))
        .collect();
    for id in printing {
        let FunctionKind::Local(function) = &module.funcs.get(id).kind else { continue };
        let ty = module.types.get(function.ty());
        let (parameters, results) = (ty.params().to_vec(), ty.results().to_vec());
        let arguments = parameters.iter().map(|parameter| module.locals.add(*parameter)).collect();
        let mut builder = FunctionBuilder::new(&mut module.types, &parameters, &results);
        builder.func_body().unreachable();
        module.funcs.get_mut(id).kind = FunctionKind::Local(builder.local_func(arguments));
    }
    walrus::passes::gc::run(module);
}

/// Whether the function of this name, such as `core[c5930c85a12de822]::panicking::panic_fmt`, is one of them.
fn prints(name: Option<&str>) -> bool {
    let Some(name) = name else { return false };
    let plain: String = name.split('[').enumerate().fold(String::new(), |plain, (index, part)| match index {
        0 => plain + part,
        _ => plain + part.split_once(']').map_or(part, |(_, rest)| rest),
    });
    PRINTING.iter().any(|printing| plain.starts_with(printing)) || plain.contains(" as core::fmt::")
}
