# Runs a script as `elixir SCRIPT ARGS` does, under the debugger: arguments are the script and its arguments. Holds no logic.
:ecd_script.main(System.argv())
