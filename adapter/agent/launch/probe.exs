# Prints the versions that the adapter asks for, one a line. Must run on any Elixir, also on one too old to debug.
debugger =
  case :code.lib_dir(:debugger) do
    path when is_list(path) -> List.to_string(path)
    _ -> ""
  end

IO.puts(
  Enum.join(
    [
      "ecd-probe",
      System.version(),
      List.to_string(:erlang.system_info(:otp_release)),
      List.to_string(:erlang.system_info(:version)),
      List.to_string(:code.root_dir()),
      debugger
    ],
    "\n"
  )
)
