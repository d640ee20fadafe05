"""The script for PowerShell, from 5.1 on."""

from _words import Option, Word


def script(words: list[Word]) -> str:
    """Return the script for PowerShell."""
    return POWERSHELL.replace("@COMMANDS@", "\n".join(map(_command, words)))


def _command(word: Word) -> str:
    below = ", ".join(_pair(name, about) for name, about in word.below)
    options = ", ".join(_named(option) for option in word.options)
    arguments = ", ".join(_offer(argument) for argument in word.arguments)
    after = "; ".join(f"{quoted(k)} = {_offer_words(v)}" for k, v in word.after.items())
    return (
        f"    {quoted(' '.join(word.path))} = @{{ Below = @({below}); Options = @({options});"
        f" Arguments = @({arguments}); Many = ${str(word.many).lower()}; After = @{{ {after} }} }}"
    )


def _pair(word: str, about: str) -> str:
    return f"@{{ Word = {quoted(word)}; About = {quoted(about or word)} }}"


def _named(option: Option) -> str:
    names = ", ".join(quoted(name) for name in option.names)
    value = f"; Value = {_offer(option)}" if option.takes else ""
    return f"@{{ Names = @({names}); About = {quoted(option.about or option.names[-1])}{value} }}"


def _offer(option: Option) -> str:
    if option.choices:
        pairs = ", ".join(_pair(word, about) for word, about in option.choices)
        return f"@{{ Words = @({pairs}) }}"
    return f"@{{ Asked = {quoted(option.asked)} }}"


def _offer_words(found: list[str]) -> str:
    return f"@{{ Words = @({', '.join(_pair(word, '') for word in found)}) }}"


def quoted(text: str) -> str:
    """Return text as a string of the shell."""
    return "'" + text.replace("'", "''") + "'"


POWERSHELL = """\
# PowerShell completion for asstctl; written by: python completions/make.py
$script:AsstctlCommands = @{
@COMMANDS@
}

Register-ArgumentCompleter -Native -CommandName asstctl -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $path = ''
    $count = 0
    $last = ''
    $value = $null
    foreach ($element in ($commandAst.CommandElements | Select-Object -Skip 1)) {
        if ($element.Extent.EndOffset -ge $cursorPosition -and $wordToComplete -ne '') { break }
        $word = $element.ToString().Trim("'", '"')
        $command = $script:AsstctlCommands[$path]
        if ($null -ne $value) { $value = $null; continue }
        if ($word.StartsWith('-')) {
            $option = $command.Options | Where-Object { $_.Names -contains $word }
            if ($option -and $option.Value) { $value = $option.Value }
            continue
        }
        $next = "$path $word".Trim()
        if ($script:AsstctlCommands.ContainsKey($next)) { $path = $next } else { $count++; $last = $word }
    }
    $command = $script:AsstctlCommands[$path]
    if ($null -eq $value -and $wordToComplete.StartsWith('-')) {
        foreach ($option in $command.Options) {
            foreach ($name in $option.Names) {
                if ($name.StartsWith($wordToComplete)) {
                    [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterName', $option.About)
                }
            }
        }
        return
    }
    if ($null -eq $value) {
        if ($command.After.ContainsKey($last) -and $count -eq 1) { $value = $command.After[$last] }
        elseif ($command.Below.Count -and $count -eq 0) { $value = @{ Words = $command.Below } }
        elseif ($count -lt $command.Arguments.Count) { $value = $command.Arguments[$count] }
        elseif ($command.Many) { $value = $command.Arguments[-1] }
    }
    if ($null -eq $value) { return }
    if ($value.Words) {
        foreach ($found in $value.Words) {
            if ($found.Word.StartsWith($wordToComplete)) {
                [System.Management.Automation.CompletionResult]::new($found.Word, $found.Word, 'ParameterValue', $found.About)
            }
        }
    }
    elseif ($value.Asked -eq 'threads' -or $value.Asked -eq 'profiles') {
        foreach ($line in (& $commandAst.CommandElements[0].ToString() __complete $value.Asked $wordToComplete 2>$null)) {
            $word, $about = $line -split "`t", 2
            if ($value.Asked -eq 'profiles' -and -not $word.StartsWith($wordToComplete)) { continue }
            $text = if ($word -match '[\\s''"`$]') { "'" + $word.Replace("'", "''") + "'" } else { $word }
            if (-not $about) { $about = $word }
            [System.Management.Automation.CompletionResult]::new($text, "$word  -- $about", 'ParameterValue', $about)
        }
    }
    elseif ($value.Asked -eq 'files' -or $value.Asked -eq 'folders') {
        Get-ChildItem -Path "$wordToComplete*" -Directory:($value.Asked -eq 'folders') -ErrorAction SilentlyContinue |
            ForEach-Object {
                $name = (Split-Path -Parent $wordToComplete)
                $text = if ($name) { Join-Path $name $_.Name } else { $_.Name }
                [System.Management.Automation.CompletionResult]::new($text, $_.Name, 'ProviderItem', $_.FullName)
            }
    }
}
"""
