# Writes a beam for each generated module of a project: who calls whom as in its source, and nothing else. Compiling thousands of
# sources takes minutes, and the index reads only what stands here. ARGV: the folder of the beams, how many.
[ebin, modules] = System.argv()
count = String.to_integer(modules)
File.mkdir_p!(ebin)
name = fn index -> Module.concat(Generated, "M#{rem(index, count)}") end

for index <- 0..(count - 1) do
  called =
    for distance <- [1, 7, 31] do
      {:call, 2, {:remote, 2, {:atom, 2, name.(index + distance)}, {:atom, 2, :run0}}, [{:var, 2, :X}]}
    end

  forms = [
    {:attribute, 1, :module, name.(index)},
    {:attribute, 1, :export, [run0: 1]},
    {:function, 2, :run0, 1, [{:clause, 2, [{:var, 2, :X}], [], called}]}
  ]

  {:ok, module, beam} = :compile.forms(forms)
  File.write!(Path.join(ebin, "#{module}.beam"), beam)
end
